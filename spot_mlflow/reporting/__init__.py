"""What people see: sentences, tags, charts and reports, all from one set of figures; pure."""

from spot_mlflow import figures as figures

"""Runs ``python -m spot_mlflow_cli``."""

from spot_mlflow_cli.main import main

main()

"""What ``mlflow server --app-name spot`` adds: the gate, the entry route, and the pages."""

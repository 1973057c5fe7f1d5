"""What plain clients of MLflow may not do on a gated server."""

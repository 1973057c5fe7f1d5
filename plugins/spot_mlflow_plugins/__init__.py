"""What MLflow discovers by entry points: the gated registry, the server and the evaluator."""

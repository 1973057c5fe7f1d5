"""Were its users involved? The log, its concerns, its score and the pulse; pure, no MLflow."""

"""Is the model ready to be adopted? The S.P.O.T. questionnaire and its panel; pure, no MLflow."""

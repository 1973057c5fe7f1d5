"""What was promised: the contract, and the backtest that it comes from."""

"""Lift: contract, moments, estimates, gap and verdict, causes and money; pure calculation."""

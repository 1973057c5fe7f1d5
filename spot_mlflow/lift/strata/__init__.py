"""What is compared with what: strata of segment and time, and the share of treatment in them."""

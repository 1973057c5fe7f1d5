"""What do tables mean? A first ``sources:`` from a bounded part of each, with a reason for every guess."""

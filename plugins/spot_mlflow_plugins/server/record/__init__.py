"""The server's own record: signed, anchored, verified, and the policy that decides."""

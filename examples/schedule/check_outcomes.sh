#!/bin/sh
# Checks what is due, and tries again where MLflow or a database did not answer (exit status 3):
#
#   examples/schedule/check_outcomes.sh [OPTIONS OF spot outcomes]
#
# SPOT_TRIES (3) and SPOT_PAUSE (300 seconds) say how often and how long apart. Exit status: that of
# the last try; 0 is fine, anything else is for a person to read.
set -u

tries=${SPOT_TRIES:-3}
status=3
while [ "$tries" -gt 0 ]; do
    spot outcomes --all --due "$@"
    status=$?
    [ "$status" -eq 3 ] || break
    tries=$((tries - 1))
    [ "$tries" -eq 0 ] || sleep "${SPOT_PAUSE:-300}"
done
exit "$status"

#!/bin/sh
# Asks the gate, and only then runs the deployment given as the rest of the arguments:
#
#   examples/ci/pre_deploy.sh churn/3 @champion kubectl rollout restart deployment/churn
#
# Exit status: that of the deployment; 1 where the gate refuses, 2 for wrong input, 3 where it could
# not be decided.
set -eu

if [ "$#" -lt 3 ]; then
    echo "usage: $0 MODEL TARGET COMMAND..." >&2
    exit 2
fi
model=$1
target=$2
shift 2

spot gate "$model" --to "$target" >&2
exec "$@"

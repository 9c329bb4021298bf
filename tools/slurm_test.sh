#!/usr/bin/env bash
# Test on a Slurm cluster.
set -euo pipefail

if [[ $# -lt 4 ]]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=4] $(basename "$0")" \
        "PARTITION JOB_NAME CONFIG CHECKPOINT [options of test.py]" >&2
    exit 2
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
CHECKPOINT=$4
GPUS=${GPUS:-4}
GPUS_PER_NODE=${GPUS_PER_NODE:-4}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}
SRUN_ARGS=${SRUN_ARGS:-}
for COUNT in GPUS GPUS_PER_NODE CPUS_PER_TASK; do
    if [[ ! ${!COUNT} =~ ^[1-9][0-9]*$ ]]; then
        echo "error: $COUNT must be 1 or more, got '${!COUNT}'" >&2
        exit 2
    fi
done

# SRUN_ARGS holds several words
# shellcheck disable=SC2086
srun -p "$PARTITION" \
    --job-name="$JOB_NAME" \
    --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 \
    $SRUN_ARGS \
    "${PYTHON:-python}" -u "$(dirname "$0")/test.py" "$CONFIG" "$CHECKPOINT" \
    --launcher slurm "${@:5}"

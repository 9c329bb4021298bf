#!/usr/bin/env bash
# Test with several processes:
#   dist_test.sh CONFIG CHECKPOINT GPUS [options of test.py]
# GPUS is the number of processes; without CUDA they run on the CPU. Several
# machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail

CONFIG=$1
CHECKPOINT=$2
GPUS=$3

if [[ ${NNODES:-1} == 1 && -z ${PORT:-} ]]; then
    # Any free port, so that runs side by side do not take each other's.
    MEET=(--standalone --local-addr=127.0.0.1)
else
    MEET=(
        --nnodes="${NNODES:-1}"
        --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}"
        --master_port="${PORT:-29500}"
    )
fi

"${PYTHON:-python}" -m torch.distributed.run \
    "${MEET[@]}" \
    --nproc_per_node="$GPUS" \
    "$(dirname "$0")/test.py" "$CONFIG" "$CHECKPOINT" \
    --launcher pytorch "${@:4}"

#!/usr/bin/env bash
# Train with several processes. Several machines: set NNODES, NODE_RANK,
# MASTER_ADDR and PORT.
set -euo pipefail

if [[ $# -lt 2 || ! $2 =~ ^[1-9][0-9]*$ ]]; then
    [[ $# -lt 2 ]] || echo "error: GPUS must be 1 or more, got '$2'" >&2
    echo "usage: $(basename "$0") CONFIG GPUS [options of train.py]" >&2
    echo "GPUS: number of processes; without CUDA they run on the CPU" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2

if [[ ${NNODES:-1} == 1 && -z ${PORT:-} ]]; then
    # Any free port, so that concurrent runs do not collide.
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
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "${@:3}"

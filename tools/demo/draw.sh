#!/usr/bin/env bash
# Draws the shards that the networks learn from, on all cores; trainers may run meanwhile.
#
#   tools/demo/draw.sh FOLDER [FACE_SHARDS [SCENE_SHARDS [OPTIONS OF samples.py ...]]]
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1 faces=${2:-60} scenes=${3:-44}
shift $(($# < 3 ? $# : 3))
cores=$(nproc)
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
few=$((cores / 6 > 0 ? cores / 6 : 1))
seq 0 $((scenes - 1)) | xargs -P "$few" -I{} python3 tools/demo/samples.py scenes "$folder" "$@" --shard {} &
seq 0 $((faces - 1)) | xargs -P $((cores - few)) -I{} python3 tools/demo/samples.py faces "$folder" "$@" --shard {}
wait

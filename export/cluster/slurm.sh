#!/bin/bash
# Four machines that train one network; from the root of the repository:
# sbatch export/cluster/slurm.sh
# A worker is a machine with all its GPUs. Data and runs lie on a file system
# that all of them see.
#SBATCH --job-name=fastnst-train
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=04:00:00
#SBATCH --output=fastnst-train-%j.log
# Two minutes before the time is up: the workers end after the running step.
# Then the same command again continues.
#SBATCH --signal=TERM@120
set -euo pipefail

TF_WORKERS=$(scontrol show hostnames "$SLURM_JOB_NODELIST" \
  | sed 's/.*/"&:2222"/' | paste -sd ,)
export TF_WORKERS

# shellcheck disable=SC2016  # Each task has its own SLURM_PROCID.
exec srun --kill-on-bad-exit=1 bash -ec '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$TF_WORKERS]},
    \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  exec python -m fastnst.train --distribution=multi_worker \
    --flagfile=experiments/great_wave.flags \
    --style_image=great_wave.jpg --content_dataset=photos \
    --batch_size=512 --precision=mixed_bfloat16 --jit_compile \
    --workdir=runs/great_wave
'

#!/usr/bin/env bash
# The plan for some minutes on a machine with an accelerator that has PyTorch (or, with
# KERAS_BACKEND=jax, JAX) and nothing of ours:
#   ml/training/accelerator.sh PACK OUT TEACHER_MINUTES STUDENT_MINUTES
# PACK is a folder of `python -m ml pack`. Rehearse it on a CPU with one minute each. Trains the
# teacher, then its student, and leaves in OUT/teacher.tar and OUT/student.tar what
# is small enough to carry back: `python -m ml release` takes it from there.
set -euo pipefail
pack=$1 out=$2
export KERAS_BACKEND=${KERAS_BACKEND:-torch} PYTHONUNBUFFERED=1
here=$(dirname "$0")
train() { # NAME MINUTES [more]
	python3 -m ml train --data "$pack" --out "$out/work/$1" --plan "${PLANS:-$here/plans}/$1.json" \
		--minutes "$2" "${@:3}"
	tar -C "$out/work" -cf "$out/$1.tar" "$1"/{best.npz,plan.json,data.json,split.csv,epochs.csv,curves.png}
}
train teacher "$3"
train student "$4" --teacher "$out/work/teacher"

#!/usr/bin/env bash
# Boots the machine that build.sh made and plays the scene: run.sh FOLDER
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:?"run.sh FOLDER"}
accelerator=${LEGMON_VM_ACCEL:-tcg}

# Folders of the checkout and of its Python that the guest's own /tmp would hide.
bind=$repository
python=$(readlink -f "$repository/.venv/bin/python")
case $python in /tmp/*) bind=$bind,$(dirname "$(dirname "$python")") ;; esac

log="$work/console.log"
timeout "${LEGMON_VM_SECONDS:-1800}" qemu-system-x86_64 \
  -accel "$accelerator" -cpu max -smp 2 -m 1536 -nodefaults -no-reboot -display none -serial stdio \
  -kernel "$work/vmlinuz" -initrd "$work/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 legmon.repository=$repository legmon.bind=$bind" \
  -virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
  </dev/null | tee "$log"
grep -q "scene ended with 0" "$log"

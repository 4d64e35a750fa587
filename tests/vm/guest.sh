#!/usr/bin/env bash
# In the guest: Bluetooth as a Debian desktop has it, on the virtual air; then the scene. guest.sh REPOSITORY
set -u
cd "$1"
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
python=.venv/bin/python
say() { echo "vm: $(cut -d' ' -f1 /proc/uptime) s: $*"; }
wait_for() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done; say "waited in vain: $*"; return 1; }

say "kernel $(uname -r)"
mkdir -p /run/dbus
dbus-daemon --system --fork --nopidfile || { say "dbus-daemon did not start"; exit 1; }

$python -m firmware_sim air unix:/tmp/air >/tmp/air.log 2>&1 &
wait_for test -S /tmp/air
$python tests/vm/bridge.py unix-client:/tmp/air >/tmp/bridge.log 2>&1 &
wait_for test -e /sys/class/bluetooth/hci0
say "hci0 is there"

daemon=/usr/libexec/bluetooth/bluetoothd
[ -x "$daemon" ] || daemon=$(command -v bluetoothd)
mount -t tmpfs tmpfs /var/lib/bluetooth
"$daemon" -n >/tmp/bluetoothd.log 2>&1 &
wait_for bluetoothctl show
bluetoothctl power on >/dev/null
say "bluetoothd $("$daemon" --version) is there"
# A person who agrees to what the desktop asks.
(while sleep 0.5; do echo yes; done) | bluetoothctl --agent NoInputNoOutput >/tmp/agent.log 2>&1 &

$python tests/vm/scene.py unix-client:/tmp/air
status=$?
if [ $status -ne 0 ]; then
  for log in bluetoothd bridge air agent; do
    echo "vm: --- $log"
    tail -n 15 "/tmp/$log.log"
  done
  dmesg | grep -i bluetooth | tail -n 15
fi
say "scene ended with $status"
exit $status

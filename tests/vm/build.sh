#!/usr/bin/env bash
# Makes the kernel and the initrd of the virtual machine: build.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:?"build.sh FOLDER"}

for needed in qemu-system-x86_64 bluetoothctl dbus-daemon busybox cpio depmod; do
  command -v "$needed" >/dev/null || { echo "$needed is missing; see tests/vm/README.md for the packages"; exit 2; }
done

mkdir -p "$work/deb" "$work/kernel"
cd "$work/deb"
if ! ls linux-image-*.deb >/dev/null 2>&1; then
  apt-get update -qq
  package=$(apt-cache depends linux-image-amd64 | grep -o 'linux-image-[0-9][^ ]*' | head -1)
  apt-get download -o APT::Sandbox::User=root "$package"
fi
dpkg -x linux-image-*.deb "$work/kernel"
version=$(basename "$work"/kernel/lib/modules/*)
depmod -b "$work/kernel" "$version"
cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"

# In this order: what the crypto self tests and Bluetooth's key exchange need comes before them.
modules="sha512_generic sha256_generic ctr drbg ecdh_generic virtio_pci 9pnet_virtio 9p overlay hci_vhci algif_skcipher algif_hash cmac ecb aes_generic"
root="$work/initrd"
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,lower,upper,new,modules}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$here/init" "$root/init"
chmod 755 "$root/init"
for module in $modules; do
  modprobe -d "$work/kernel" -S "$version" --show-depends "$module" | { grep ^insmod || true; } | while read -r _ file _; do
    name=$(basename "$file")
    [ -e "$root/modules/$name" ] && continue
    cp "$file" "$root/modules/$name"
    echo "$name" >>"$root/modules/order"
  done
done
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1 >"$work/initrd.gz")
du -h "$work/vmlinuz" "$work/initrd.gz"

#!/bin/sh
# image.sh PROGRAM FOLDER: FOLDER/initramfs, all that a guest has: the program, its shared libraries, busybox and init.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$1
folder=$2

die() {
    echo "numa: $*" >&2
    exit 1
}
busybox=$(command -v busybox) || die "busybox is missing (Debian's package busybox-static)"
command -v cpio > /dev/null || die "cpio is missing"

root=$folder/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/lib" "$root/lib64" "$root/proc" "$root/sys" "$root/dev" "$root/tmp"
cp "$here/init" "$root/init"
cp "$busybox" "$root/bin/busybox"
cp "$program" "$root/guest"
chmod 755 "$root/init"

for file in "$program" "$busybox"; do
    ldd "$file" 2> /dev/null || true # of a static program it says so, and fails
done > "$folder/libraries"
if grep 'not found' "$folder/libraries" >&2; then die "a library is missing"; fi
# Those of the machine have many places, here one; only the loader's own is written in the program.
sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' "$folder/libraries" | LC_ALL=C sort -u | while IFS= read -r library; do
    cp -L "$library" "$root/lib/"
done
sed -n 's/^[[:blank:]]*\(\/[^ ]*\) (.*/\1/p' "$folder/libraries" | LC_ALL=C sort -u | while IFS= read -r loader; do
    mkdir -p "$root$(dirname "$loader")"
    cp -L "$loader" "$root$loader"
done

# Not compressed: the guest would be the one to unpack it, which is slower than to load it.
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) > "$folder/initramfs"

#!/bin/sh
# kernel.sh FOLDER: puts a kernel of this distribution into FOLDER/vmlinuz. Unpacked, not installed: this needs no rights, makes no
# initramfs and touches no boot loader. The one for clouds is small, and has all that it needs to boot built in.
set -eu
folder=$1
[ ! -e "$folder/vmlinuz" ] || exit 0

die() {
    echo "numa: $*" >&2
    exit 1
}
command -v apt-get > /dev/null || die "the kernel comes from Debian or Ubuntu, and this is neither: put one into $folder/vmlinuz"
case $(. /etc/os-release && echo "${ID:-}") in
ubuntu) wanted=linux-image-virtual ;;
*) wanted=linux-image-cloud-amd64 ;;
esac

mkdir -p "$folder"
work=$(cd "$folder" && pwd)/apt
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial"
: > "$work/status"
# Lists of its own: those of the machine may be old, and new ones are not for everybody to get.
apt() {
    apt-get -qq -o APT::Sandbox::User=root -o "Dir::State=$work" -o "Dir::State::lists=$work/lists" \
        -o "Dir::State::status=$work/status" -o "Dir::Cache=$work" "$@"
}
apt update || die "no lists of packages"
# The package that is wanted holds nothing; what it depends on has the version in its name.
package=$(apt install -s --no-install-recommends "$wanted" |
    awk '$1 == "Inst" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }')
[ -n "$package" ] || die "$wanted leads to no kernel"
(cd "$work" && apt download "$package") || die "could not get $package"
dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*' || die "$package holds no kernel"
mv "$work"/boot/vmlinuz-* "$folder/vmlinuz"
rm -rf "$work"

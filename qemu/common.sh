# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts beside it share: messages and the contents of PIN.  Sourced.
set -Eeuo pipefail
trap 'echo "libtrace: error: ${0##*/} failed in line $LINENO." >&2' ERR
export LC_ALL=C

qemu_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Lines that begin with "libtrace: " are for people: `dev` shows them even when
# it hides the rest of a build's output.
say() { echo "libtrace: $*"; }
fail() { echo "libtrace: error: $*" >&2; exit 1; }

pin() { sed -n "s/^$1 //p" "$qemu_dir/PIN"; }

sha256_of() { sha256sum -- "$1" | cut -d ' ' -f 1; }

# SPDX-License-Identifier: GPL-2.0-or-later
# apt_private COMMAND...: runs apt-get, in $dir/download, with a private
# configuration that knows only the suite in PIN, on the mirror and with the key
# that the machine uses for Debian itself.  Sourced after common.sh, with $dir set.

# Prints "mirror key-file" of the machine's entry for its own Debian release.
apt_mirror() {
    local mirror entry file line key
    read -r mirror entry < <(
        # shellcheck disable=SC2016 # apt expands these
        apt-get indextargets --format '$(RELEASE) $(REPO_URI) $(SOURCESENTRY)' \
            'Created-By: Packages' 'Component: main' 2>/dev/null |
            awk -v codename="$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" '
                $1 == codename { print $2, $3; exit }'
    ) || return 1
    file=${entry%:*} line=${entry##*:}
    case $file in
    *.sources) key=$(tail -n "+$line" "$file" | sed -n '/^$/q; s/^[Ss]igned-[Bb]y: *//p') ;;
    *) key=$(sed -n "${line}s/.*signed-by=\([^] ]*\).*/\1/p" "$file") ;;
    esac 2>/dev/null || true
    [ -r "${key:-}" ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "$mirror $key"
}

apt_private() {
    local apt=$dir/apt mirror key suite log=$dir/apt/log
    command -v apt-get >/dev/null ||
        fail "QEMU's source cannot be fetched without apt-get; name an archive in LIBTRACE_QEMU_SOURCE."
    read -r mirror key < <(apt_mirror) || fail "apt has no Debian mirror configured" \
        "to fetch QEMU's source from; name an archive in LIBTRACE_QEMU_SOURCE."
    suite=$(pin suite)
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    {
        echo "Types: deb deb-src"
        echo "URIs: $mirror"
        echo "Suites: $suite"
        echo "Components: main"
        [ ! -r "$key" ] || echo "Signed-By: $key"
    } >"$apt/libtrace.sources"
    # The machine's package state must not weigh in, nor its pins.
    local options=(
        -q -y
        -o "Dir::Etc::sourcelist=$apt/libtrace.sources"
        -o "Dir::Etc::sourceparts=/dev/null"
        -o "Dir::Etc::preferences=/dev/null"
        -o "Dir::Etc::preferencesparts=/dev/null"
        -o "Dir::State::lists=$apt/lists"
        -o "Dir::Cache=$apt/cache"
        -o "Acquire::Languages=none"
        -o "Acquire::Retries=3"
        -o "APT::Sandbox::User=root"
        -o "APT::Get::List-Cleanup=0"
    )
    if ! apt-get "${options[@]}" --error-on=any update >"$log" 2>&1 ||
        ! (cd "$dir/download" && apt-get "${options[@]}" "$@") >>"$log" 2>&1; then
        sed 's/^/    /' "$log" | tail -n 20
        fail "fetching from $mirror ($suite) failed ($(sed -n 's/^E: //p' "$log" | head -n 1))."
    fi
}

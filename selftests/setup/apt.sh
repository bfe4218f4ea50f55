# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Fetch Debian packages without installing them, and without root: a private apt with
# given suites and the mirror of the machine's apt.  Fetched packages stay in $cache/debs.

cache=${VNP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vnp}

# run_apt PROGRAM ARGUMENT...
run_apt()
{
	local program=$1
	shift

	"$program" -qq -o Dir::Etc::SourceList="$cache/apt/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$cache/apt" \
		-o Dir::State::Status=/dev/null \
		-o Dir::Cache="$cache/apt" \
		-o APT::Sandbox::User="$(id -un)" "$@"
}

# mirror ARCHIVE: the machine's mirror of debian or debian-security.
mirror()
{
	# shellcheck disable=SC2016 # $(REPO_URI) is for apt-get
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
		grep -m 1 "/$1/"
}

# apt_sources SUITE...: make apt_depends and apt_fetch use these.
apt_sources()
{
	local suite archive from
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
	for suite in "$@"; do
		case $suite in
		*-security)	archive=debian-security ;;
		*)		archive=debian ;;
		esac
		if ! from=$(mirror "$archive"); then
			echo "no mirror of $archive in /etc/apt" >&2
			return 1
		fi
		echo "deb [signed-by=$keyring] $from $suite main"
	done >"$cache/apt/sources.list"
	run_apt apt-get update
}

# apt_depends PACKAGE REGEX: those of its dependencies whose names match.
apt_depends()
{
	local found

	found=$(run_apt apt-cache depends "$1" |
		awk -v regex="^$2" '/Depends:/ && $2 ~ regex { print $2 }')
	if [ -z "$found" ]; then
		echo "$1: depends on nothing like $2" >&2
		return 1
	fi
	echo "$found"
}

# apt_newest REGEX: the package with the highest version of those that match.
apt_newest()
{
	local found

	found=$(run_apt apt-cache pkgnames | grep -xE "$1" | sort -V | tail -n 1)
	if [ -z "$found" ]; then
		echo "there is no package like $1" >&2
		return 1
	fi
	echo "$found"
}

# apt_fetch DIRECTORY PACKAGE...: fetch all of them, or create no directory.
apt_fetch()
{
	local directory=$1
	shift

	rm -rf "$directory.new"
	mkdir -p "$directory.new"
	(cd "$directory.new" && run_apt apt-get download "$@")
	mv "$directory.new" "$directory"
}

# apt_fetch_all DIRECTORY PACKAGE...: the same with all dependencies.
apt_fetch_all()
{
	local directory=$1
	shift

	rm -rf "$directory.new"
	mkdir -p "$directory.new/partial"
	run_apt apt-get install -y --no-install-recommends --download-only \
		-o Debug::NoLocking=1 -o Dir::Cache::Archives="$directory.new" "$@"
	mv "$directory.new" "$directory"
}

# apt_fetch_source DIRECTORY PACKAGE: its source, of the newest version in the suites.
apt_fetch_source()
{
	rm -rf "$1.new"
	mkdir -p "$1.new"
	sed -i 'p; s/^deb /deb-src /' "$cache/apt/sources.list"
	run_apt apt-get update
	(cd "$1.new" && run_apt apt-get source --download-only "$2")
	mv "$1.new" "$1"
}

# fetch_once NAME COMMAND...: the directory $cache/debs/NAME, which the command fills if
# it does not exist.  Several checkouts may do this at the same time.
fetch_once()
{
	debs=$cache/debs/$1
	shift

	mkdir -p "$cache"
	exec 8>"$cache/apt.lock"
	flock 8
	[ -e "$debs" ] || "$@"
	exec 8>&-
}

fetch_linux_source()
{
	echo "fetching Debian's linux-source-6.1" >&2
	apt_sources bookworm bookworm-security
	apt_fetch "$debs" linux-source-6.1
}

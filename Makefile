# SPDX-License-Identifier: GPL-2.0
#
## make			everything: the module and all of the following
## make module		vnp.ko, as build/KERNEL/vnp.ko
## make lib		libvnp, in build/lib
## make tool		vnpctl, in build/bin
## make samples		the samples, in build/samples
##
## make demo		processes with VNP and without, side by side, in a virtual machine
## make check		all tests, those of the module in a virtual machine
## make check-all	the same on every kernel, with real video and Redis's own tests
## make media		the video that check-all needs
## make suite		the tests of Redis that check-all needs
## make bench		the cost of a datagram, with VNP and with alternatives: build/bench/
## make bench-build	only build it, for selftests/bench/run KERNEL WORKLOAD...
## make bench-compare BASE=REV	measure another revision too, and print the differences
## make verify-cost	the cost of verification: a table by size and shape
## make fuzz [SECONDS=60]	the fuzzers, each for this time
## make fuzz-native [SECONDS=60]	random programs as native code, in a virtual machine,
##			compared with the reference interpreter; VNP_FUZZ_SEED=N repeats
## make faults		reintroduce past bugs, to see which tests find them
## make setup		fetch and build all prerequisites of the above, for these kernels
##			KERNELS="6.1 6.12 latest debug"
##
## make install		install to prefix (/usr/local), ready for use.  With DESTDIR, only
##			copy: group vnp, ldconfig and depmod are left to the package
## make check-install	test installation, in a Debian tree; as root
## make clean		remove everything but downloads
## make distclean	remove everything but $VNP_CACHE (~/.cache/vnp)
##
## KERNEL=NAME		6.1, 6.12, 7.2, latest or debug, fetched by selftests/setup/kernel
## KDIR=DIRECTORY		/lib/modules/RELEASE/build
## V=1			show the commands
##
## Without KERNEL and KDIR, make, make module and make install build for the running kernel,
## if its headers are installed.  Everything else, and make without headers, uses 6.1.

all: module lib tool samples

# Targets that run in a virtual machine have their own kernels.
machine_goals := demo check check-all fuzz-native bench bench-module bench-compare tests \
	setup
ifeq ($(KDIR)$(KERNEL)$(filter $(machine_goals),$(MAKECMDGOALS)),)
KDIR := $(wildcard /lib/modules/$(shell uname -r)/build)
endif

ifdef KDIR
KERNEL := $(notdir $(KDIR:%/build=%))
kdir := $(KDIR)
else
KERNEL ?= 6.1
kdir := $(CURDIR)/build/kernels/$(KERNEL)/build
inside := $(if $(filter 7.2 latest,$(KERNEL)),selftests/setup/trixie)
endif

prefix ?= /usr/local
libdir ?= $(prefix)/lib

CLANG ?= clang
CFLAGS ?= -O2 -g
INCLUDES := -Iuapi -Iuserlib -I.
ALL_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -fPIC $(INCLUDES) \
	$(CFLAGS)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
# For vm/, where intended wrapping is marked (vm/arith.h), except the files that implement
# machine arithmetic
SANITIZE_VM := -fsanitize=unsigned-integer-overflow,local-bounds
modular := $(addprefix analysis/,scalar scalar_alu scalar_branch) isa/eval harden/blind
BPF_CFLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra $(INCLUDES) \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch)

vm_sources := $(wildcard vm/*.c vm/*/*.c)

# Quiet, like the kernel's build; V=1 shows the commands.
ifeq ($(V),1)
say := @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# Each adds its targets to LIB, TOOL, SAMPLES or TESTS.
-include userlib/Makefile.inc samples/Makefile.inc selftests/Makefile.inc

lib: $(LIB)
tool: $(TOOL)
samples: $(SAMPLES)
tests: $(TESTS)

# ---- The module -----------------------------------------------------------
#
# Each kernel has its own directory with links to the sources, so that objects are kept
# apart from those of other kernels and from the sources.  It is locked during a build, as
# guests that start at the same time also build at the same time.

farm := build/$(KERNEL)
sources := Kbuild $(wildcard kmod/*/*.[ch] vm/*.[ch] vm/*/*.[ch] uapi/*/*.h)
# Type information for the module would need pahole, and is not used.
kbuild = $(inside) $(MAKE) --no-print-directory -C $(kdir) M=$(CURDIR)/$(farm) \
	CONFIG_DEBUG_INFO_BTF_MODULES=

module: build/packages.build
ifndef KDIR
	$(Q)selftests/setup/kernel $(KERNEL)
endif
	$(Q)mkdir -p $(dir $(sources:%=$(farm)/%))
	+$(Q)flock $(farm) $(MAKE) --no-print-directory locked-module \
		$(if $(KDIR),KDIR=$(KDIR),KERNEL=$(KERNEL))

locked-module:
	$(Q)find $(farm) -type l -delete
	$(Q)$(foreach file,$(sources),ln -s $(CURDIR)/$(file) $(farm)/$(file) &&) :
	+$(Q)$(kbuild) modules

# ---- Objects --------------------------------------------------------------
#
# Each is under build/ at the path of its source, and also under build/asan/ for tests
# with sanitizers.

build/%.bpf.o: %.bpf.c | build/packages.build
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
	$(Q)llvm-strip -g $@

# By clang: only its sanitizers detect unsigned wrapping.
$(filter-out $(modular:%=build/asan/vm/%.o),$(patsubst %.c,build/asan/%.o,\
	$(vm_sources))): SANITIZE += $(SANITIZE_VM)

build/asan/%.o: %.c | build/packages.build
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(ALL_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

# A program as bytes, from _binary_NAME_bpf_o_start to _binary_NAME_bpf_o_end
build/%.bin.o: build/%.bpf.o
	$(Q)cd $(@D) && $(LD) -r -b binary -z noexecstack -o $(@F) $(notdir $<)

build/%.o: %.c | build/packages.build
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

objects := $(wildcard $(addprefix build/,asan fuzz levels samples selftests userlib vm))
-include $(if $(objects),$(shell find $(objects) -name '*.d'))

# ---- Tests and measurements -----------------------------------------------

demo: all build/packages.guest build/packages.demo
	$(say) BOOT "Linux $(KERNEL), in which an instruction takes one nanosecond"
	$(Q)selftests/guest -k $(KERNEL) -i -u -- samples/demo/demo

check: all tests build/packages.guest build/packages.demo
	$(Q)selftests/check $(KERNEL)

# Kernels that Debian no longer has are left out, with a message by setup.
check-all: all tests media suite build/packages.guest build/packages.demo
	$(Q)$(MAKE) --no-print-directory setup KERNELS="$(all_kernels)"
	$(Q)VNP_CHECK="$${VNP_CHECK:-host one two one_root two_root media suite}" \
		selftests/check $$(cd build/kernels && ls -d $(all_kernels) 2>/dev/null)

bench-build: module bench-module samples build/selftests/bench/bench build/bench/profile.so \
		$(bench_progs) \
		build/packages.guest build/packages.bench

bench: bench-build
	$(Q)selftests/bench/run $(KERNEL)

bench-compare: bench
	$(Q)selftests/bench/compare "$(BASE)" $(KERNEL)

.PHONY: bench bench-build bench-compare

verify-cost: build/selftests/bench/verify
	$(Q)$<

SECONDS ?= 60

fuzz: $(fuzzers)
	$(Q)selftests/fuzz/run $(SECONDS) $(fuzz_names)

fuzz-native: module $(native_fuzzer) build/packages.guest
	$(Q)selftests/fuzz/run-native $(SECONDS) $(KERNEL)

faults: $(unit_tests)
	$(Q)selftests/faults/run

# ---- Setting up -----------------------------------------------------------

build/packages.%: selftests/setup/packages.txt
	$(Q)selftests/setup/packages $*
	$(Q)mkdir -p build && touch $@

build/linux-source/kselftest_harness.h: | build/packages.build
	$(Q)selftests/setup/source

all_kernels := 6.1 6.12 7.2 latest debug
KERNELS ?= 6.1 6.12 latest debug

setup: $(addprefix build/packages.,build levels guest debug demo fuzz bench lint)
setup: build/linux-source/kselftest_harness.h
	$(Q)for kernel in $(KERNELS); do \
		selftests/setup/kernel $$kernel || [ $$? = 3 ] || exit; done

# ---- Installing -----------------------------------------------------------

ifneq ($(filter install,$(MAKECMDGOALS)),)
ifndef KDIR
$(error kernel headers are required: apt install linux-headers-$(shell uname -r), or make install KDIR=/lib/modules/RELEASE/build)
endif
endif

install: all $(INSTALL)
	+$(Q)$(kbuild) INSTALL_MOD_PATH=$(DESTDIR) CONFIG_MODULE_SIG_ALL= modules_install
ifndef DESTDIR
	getent group vnp >/dev/null || groupadd --system vnp
	ldconfig
	depmod -a "$$(modinfo -F vermagic $(farm)/vnp.ko | cut -d ' ' -f 1)"
	if test -S /run/udev/control; then udevadm control --reload; fi
endif

check-install: build/packages.install
	$(Q)selftests/install

clean:
	$(Q)rm -rf $(filter-out build/kernels build/linux-source build/install,\
		$(wildcard build/*))

distclean:
	$(Q)rm -rf build

help:
	@sed -n 's/^## \?//p' Makefile

.PHONY: all module locked-module lib tool samples tests demo check check-all
.PHONY: verify-cost fuzz fuzz-native faults
.PHONY: setup install check-install clean distclean help

# SPDX-License-Identifier: Apache-2.0
# hrun - `make help` lists what can be made.

VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
SANITIZE ?=
MUTANT ?=
EDITED ?=
STATIC ?=
SHARED ?=
TIME ?= 60
V ?=
HOSTCC ?= cc
PKG_CONFIG ?= pkg-config
HOST_PKG_CONFIG ?= pkg-config
Q := $(if $(V),,@)
SAY := $(if $(V),@:,@echo)

# pkg-config names, and the Debian package that a hint names for each.  libcap and yajl serve only the build and the tests.
PKGS := libseccomp libcap yajl
# Only hrun-image links these; of them hrun-sign libcrypto.
IMAGE_PKGS := libcrypto zlib libzstd
# Only hrun-scope links this.
SCOPE_PKGS := libsystemd
DEBIAN_libsystemd := libsystemd-dev
DEBIAN_libseccomp := libseccomp-dev
DEBIAN_libcap := libcap-dev
DEBIAN_yajl := libyajl-dev
DEBIAN_libcrypto := libssl-dev
DEBIAN_zlib := zlib1g-dev
DEBIAN_libzstd := libzstd-dev

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wwrite-strings -Wundef -Wpointer-arith -Werror
OPTIMIZE := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
ifneq ($(SANITIZE),)
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif
LIBEXEC = $(PREFIX)/libexec/hrun
CPPFLAGS_ALL = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DHRUN_VERSION='"$(VERSION)"' -Iinclude -I$(BASE)/include $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(OPTIMIZE) $(WARNINGS) -fstack-protector-strong -fPIE $(PROBED) $(call quote,-ffile-prefix-map=$(CURDIR)=.) \
	$(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(PIE) -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)

SOURCES := $(sort $(wildcard src/*.c src/*/*.c))

# A mutant build compiles only what its switch changes, or the files of which it has copies that were edited; every other object is
# the plain build's.
BASE := $(if $(MUTANT),build,$(BUILD))
ifneq ($(MUTANT),)
MUTATED := $(or $(EDITED),$(shell grep -lw HRUN_MUTANT_$(MUTANT) $(SOURCES) $(wildcard libexec/*/*.c)))
$(if $(MUTATED),,$(error hrun: no source mentions HRUN_MUTANT_$(MUTANT)))
endif
OBJECTS := $(foreach s,$(SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
OBJECTS += $(BASE)/gen/builtin_filters.o $(BASE)/gen/portable_profile.o
LIBRARY_OBJECTS := $(filter-out %/src/main.o %/src/entry.o,$(OBJECTS))

.PHONY: all
all: $(BUILD)/hrun $(BUILD)/libexec/hrun/hrun-image $(BUILD)/libexec/hrun/hrun-scope $(BUILD)/libexec/hrun/hrun-sign $(BUILD)/libexec/hrun/hrun-tree

# ---- what the compiler and the machine have: asked once a build directory, again when flags change ----
# (a comma joins what must be given together: clang 14 wants a second flag with the last one)

comma := ,
CANDIDATES = -fstack-clash-protection -fcf-protection -mbranch-protection=standard -ftrivial-auto-var-init=zero \
	$(if $(findstring clang,$(shell $(CC) --version)),-ftrivial-auto-var-init=zero$(comma)$(CLANG_14_ZERO))
CLANG_14_ZERO := -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
# Loading shared libraries costs a start as much as all mounts, and hrun starts twice (src/sandbox/self.c); a static program
# needs a start of the C library once only (src/entry.c), and nothing that lies about can be loaded into it.  So it is static where
# all archives are there; with SHARED or a sanitizer it is not; STATIC insists.
ARCHIVES := $(if $(SHARED),,-l:libseccomp.a)
YAJL_ARCHIVE := $(if $(SHARED),,-l:libyajl_s.a)
MAY_BE_STATIC := $(if $(SHARED)$(SANITIZE),,yes)
quote = '$(subst ','\'',$1)'
FLAGS_NOW = $(PREFIX) $(CC) $(PKG_CONFIG) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(SANITIZE) $(STATIC) $(SHARED) $(MUTANT)

# (these goals build nothing themselves, or install what is missing first)
ifneq ($(filter-out clean help format lint install-dependencies check check-vm demo fuzz static,$(or $(MAKECMDGOALS),all)),)
$(shell mkdir -p $(BUILD); printf '%s\n' $(call quote,$(FLAGS_NOW)) | cmp -s - $(BUILD)/flags || \
	printf '%s\n' $(call quote,$(FLAGS_NOW)) > $(BUILD)/flags)
# One line, before anything is made: what is missing, and how to get it.
ifeq ($(wildcard $(BASE)/config.mk),)
$(if $(shell command -v $(firstword $(CC))),,$(error hrun: the compiler $(firstword $(CC)) is missing: apt-get install gcc))
$(if $(shell command -v $(firstword $(PKG_CONFIG))),,$(error hrun: pkg-config is missing: apt-get install pkg-config))
$(foreach p,$(PKGS) $(IMAGE_PKGS) $(SCOPE_PKGS),$(if $(shell $(PKG_CONFIG) --exists $p && echo yes),,\
	$(error hrun: $p is missing: apt-get install $(DEBIAN_$p))))
endif
include $(BASE)/config.mk
endif

$(BASE)/config.mk: Makefile $(BASE)/flags
	@{ echo "PKG_CFLAGS := $$($(PKG_CONFIG) --cflags $(PKGS))"; \
	probe() { echo 'int main(void) { return 0; }' | $(CC) $(LDFLAGS) -fPIE -x c - -x none "$$@" -o $(BUILD)/probe.o 2>/dev/null; }; \
	libs="$$($(PKG_CONFIG) --libs-only-L libseccomp) $(ARCHIVES)"; pie=-pie; entry=; \
	yajl="$$($(PKG_CONFIG) --libs-only-L yajl) $(YAJL_ARCHIVE)"; \
	if [ -n "$(STATIC)" ] || { [ -n "$(MAY_BE_STATIC)" ] && probe -static-pie $$libs $$yajl -lcap; }; then \
		pie=-static-pie; \
		$(CC) -dM -E -x c /dev/null | grep -qE '__(x86_64|aarch64)__' && entry=-Wl,-e,entry_start; \
	fi; \
	echo "PIE := $$pie"; echo "ENTRY := $$entry"; \
	probe $$pie $$libs && [ -n "$(ARCHIVES)" ] || \
		libs="$$($(PKG_CONFIG) $(if $(STATIC),--static) --libs libseccomp)"; \
	probe $$pie $$yajl && [ -n "$(YAJL_ARCHIVE)" ] || \
		yajl="$$($(PKG_CONFIG) --libs yajl$(if $(STATIC), | sed 's/-lyajl/&_s/'))"; \
	echo "PKG_LIBS := $$libs"; echo "YAJL_LIBS := $$yajl"; \
	echo "SCOPE_LIBS := $$($(PKG_CONFIG) --libs $(SCOPE_PKGS))"; \
	echo "IMAGE_LIBS := $$($(PKG_CONFIG) --libs $(IMAGE_PKGS))"; \
	printf 'PROBED :='; for flags in $(CANDIDATES); do \
		flags=$$(echo "$$flags" | tr , ' '); echo 'int main(void) { return 0; }' | \
		$(CC) -Werror $$flags -x c -c -o $(BUILD)/probe.o - 2>/dev/null && printf ' %s' "$$flags"; done; echo; \
	} > $@.new && rm -f $(BUILD)/probe.o && mv $@.new $@

# ---- the program ----

$(BUILD)/hrun: $(OBJECTS)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(ENTRY) -o $@ $^ $(PKG_LIBS)

# ---- libexec: hrun-image gets the words of the language and the JSON reader, nothing else of hrun ----

IMAGE_SOURCES := $(sort $(wildcard libexec/hrun-image/*.c))
IMAGE_SHARED := $(filter-out %/log.o %/libexec.o,$(filter $(BASE)/src/base/%.o $(BUILD)/src/base/%.o,$(OBJECTS))) \
	$(filter %/src/bundle/json.o %/src/bundle/json_check.o %/src/bundle/json_string.o %/src/bundle/json_where.o %/src/bundle/json_write.o,$(OBJECTS))
IMAGE_OBJECTS := $(foreach s,$(IMAGE_SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
IMAGE_PARTS := $(filter-out %/main.o,$(IMAGE_OBJECTS)) $(IMAGE_SHARED)

# Shared libraries: it is confined before it sees a byte, and Debian's security updates reach it.
$(BUILD)/libexec/hrun/hrun-image: $(IMAGE_OBJECTS) $(IMAGE_SHARED)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS) -o $@ $^ $(IMAGE_LIBS)

# hrun-sign: its own files, and of hrun-image the walls and what it knows of keys.
SIGN_SOURCES := $(sort $(wildcard libexec/hrun-sign/*.c)) \
	$(patsubst %,libexec/hrun-image/%.c,base64 confine dsse filter key program refusal verify)
SIGN_OBJECTS := $(foreach s,$(SIGN_SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
$(BUILD)/libexec/hrun/hrun-sign: $(SIGN_OBJECTS) $(IMAGE_SHARED)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS) -o $@ $^ $(IMAGE_LIBS)

# hrun-scope: its own files and hrun-image's walls.
SCOPE_SOURCES := $(sort $(wildcard libexec/hrun-scope/*.c)) $(patsubst %,libexec/hrun-image/%.c,confine filter)
SCOPE_OBJECTS := $(foreach s,$(SCOPE_SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
SCOPE_SHARED := $(filter %/src/base/err.o %/src/base/fd.o %/src/base/str.o %/src/base/unix.o,$(OBJECTS))
$(BUILD)/libexec/hrun/hrun-scope: $(SCOPE_OBJECTS) $(SCOPE_SHARED)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS) -o $@ $^ $(SCOPE_LIBS)

# Where hrun looks for it.
%/src/base/libexec.o: CPPFLAGS_ALL += -DHRUN_LIBEXEC='"$(LIBEXEC)"'

# It runs before anything that the compiler may count on.
%/src/entry.o: CFLAGS_ALL += -fno-stack-protector -ftrivial-auto-var-init=uninitialized -fno-builtin -fno-tree-loop-distribute-patterns -fno-sanitize=all

$(BUILD)/libhrun.a: $(LIBRARY_OBJECTS)
	$(SAY) "  AR    $@"
	$(Q)rm -f $@ && ar qcD $@ $^

COMPILE = $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/%.o: $(BUILD)/edited/%.c $(BASE)/config.mk
	@mkdir -p $(@D)
	$(SAY) "  CC    $<"
	$(Q)$(COMPILE) -iquote $(*D)
$(BUILD)/%.o: %.c $(BASE)/config.mk
	@mkdir -p $(@D)
	$(SAY) "  CC    $<"
	$(Q)$(COMPILE)
ifneq ($(MUTANT),)
$(BUILD)/%.o: CPPFLAGS_ALL += -DHRUN_MUTANT_$(MUTANT)
# What is broken may leave something unused.
$(BUILD)/%.o: CFLAGS_ALL += -Wno-error
build/%.o: %.c
	$(error hrun: run `make` first: $@ is not there)
endif

# ---- libexec/hrun-tree: the words of the language and its own files ----

TREE_SOURCES := $(sort $(wildcard libexec/hrun-tree/*.c))
TREE_OBJECTS := $(foreach s,$(TREE_SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
TREE_SHARED := $(filter %/src/base/err.o %/src/base/fd.o %/src/base/str.o %/src/base/unix.o %/src/base/path.o %/src/base/pool.o,$(OBJECTS))
$(BUILD)/libexec/hrun/hrun-tree: $(TREE_OBJECTS) $(TREE_SHARED)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^
# The part of hrun-image that reads layers, for the tests of both.
LAYER_SOURCES := $(patsubst %,libexec/hrun-image/%.c,stream decompress ahead split hasher tar tar_pax tar_sparse send dropped entry layer blob refusal)
LAYER_OBJECTS := $(foreach s,$(LAYER_SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
$(BUILD)/tests/image/layers: $(BASE)/tests/image/layers.o $(LAYER_OBJECTS) $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)

# Seccomp profiles -> BPF: a tool runs on the machine that builds; what it writes is for every architecture.
PROFILES := $(addprefix seccomp-profiles/,default.json strict.json compat-x86.json)
PROFILE_TOOL := $(BASE)/gen/compile-profiles
$(PROFILE_TOOL): $(wildcard seccomp-profiles/*.[ch])
	@mkdir -p $(@D)
	$(SAY) "  HOSTCC $@"
	$(Q)$(HOSTCC) -std=gnu11 -O1 -D_GNU_SOURCE $(WARNINGS) -o $@ $(filter %.c,$^) $$($(HOST_PKG_CONFIG) --cflags --libs $(PKGS))
$(BASE)/gen/builtin_filters.c: $(PROFILE_TOOL) $(PROFILES)
	$(SAY) "  GEN   $@"
	$(Q)$(PROFILE_TOOL) $(PROFILES) >$@.new && mv $@.new $@
# The text that `hrun check --fix` writes into a config.
$(BASE)/gen/portable_profile.c: seccomp-profiles/portable/default.json
	@mkdir -p $(@D)
	$(SAY) "  GEN   $@"
	$(Q){ echo 'extern const char portable_profile[];'; echo 'const char portable_profile[] ='; \
		sed 's/["\\]/\\&/g; s/^/"/; s/$$/\\n"/' $<; echo ';'; } >$@.new && mv $@.new $@
$(BASE)/gen/%.o: $(BASE)/gen/%.c
	$(SAY) "  CC    $<"
	$(Q)$(COMPILE)

.PHONY: static
static:
	$(Q)$(MAKE) --no-print-directory BUILD=build-static STATIC=1

.PHONY: install
install: all
	install -D -m 755 $(BUILD)/hrun $(DESTDIR)$(PREFIX)/bin/hrun
	install -D -m 755 $(BUILD)/libexec/hrun/hrun-tree $(DESTDIR)$(PREFIX)/libexec/hrun/hrun-tree
	ln -sfn hrun $(DESTDIR)$(PREFIX)/bin/hrun-restricted
	install -D -m 755 $(BUILD)/libexec/hrun/hrun-image $(DESTDIR)$(LIBEXEC)/hrun-image
	install -D -m 755 $(BUILD)/libexec/hrun/hrun-scope $(DESTDIR)$(LIBEXEC)/hrun-scope
	install -D -m 755 $(BUILD)/libexec/hrun/hrun-sign $(DESTDIR)$(LIBEXEC)/hrun-sign
	install -D -m 755 $(BUILD)/libexec/hrun/hrun-tree $(DESTDIR)$(LIBEXEC)/hrun-tree
	$(Q)[ -e $(DESTDIR)$(SYSCONFDIR)/hrun/restricted.json ] || \
		install -D -m 644 docs/restricted.json $(DESTDIR)$(SYSCONFDIR)/hrun/restricted.json
	$(Q)for page in $(sort $(wildcard man/*.[1-8])); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	$(Q)for file in $(sort $(wildcard seccomp-profiles/*.json seccomp-profiles/*.md)); do \
		install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/hrun/$$file; done
	$(Q)for file in $(sort $(wildcard contrib/*/*)); do \
		install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/hrun/$$file; \
		sed -i -e 's|/usr/local/bin/|$(PREFIX)/bin/|' -e 's|/usr/local/libexec/hrun/|$(LIBEXEC)/|' $(DESTDIR)$(PREFIX)/share/hrun/$$file; done
	$(Q)for file in README.md LICENSE $(sort $(wildcard docs/*.md docs/*.json)); do \
		install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/doc/hrun/$${file##*/}; done

# ---- tests ----

# tests/unit/NAME.c has a main() and links the library; status 0 is a pass.
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(sort $(wildcard tests/unit/*.c)))
# tests/fuzz/fuzz_NAME.c has LLVMFuzzerTestOneInput(); replay_NAME feeds it the files of tests/fuzz/corpus/NAME.
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
REPLAY := $(FUZZ:%=$(BUILD)/tests/fuzz/replay_%)
FUZZERS := $(FUZZ:%=$(BUILD)/tests/fuzz/fuzz_%)

LINK_TEST = $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) $(YAJL_LIBS) $$(pkg-config --libs libcap) $(TEST_LIBS)
$(foreach f,replay fuzz,$(foreach n,layer split,$(BUILD)/tests/fuzz/$f_$n)): $(LAYER_OBJECTS)
$(BUILD)/tests/fuzz/replay_tree $(BUILD)/tests/fuzz/fuzz_tree: $(filter-out %/main.o %/confine.o,$(TREE_OBJECTS))
$(foreach f,replay fuzz,$(foreach n,layer split tree,$(BUILD)/tests/fuzz/$f_$n)) $(BUILD)/tests/image/layers: private TEST_LIBS := -lz -lzstd
$(BUILD)/tests/unit/%: $(BASE)/tests/unit/%.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
$(BUILD)/tests/fuzz/replay_%: $(BASE)/tests/fuzz/fuzz_%.o $(BASE)/tests/fuzz/replay.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
$(BUILD)/tests/fuzz/fuzz_%: $(BASE)/tests/fuzz/fuzz_%.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST) -fsanitize=fuzzer
# What is hrun-image but for its main(), for a test or fuzzer of its own.
IMAGE_TESTS := $(addprefix $(BUILD)/tests/,unit/image_candidates unit/image_find fuzz/replay_image_layout fuzz/fuzz_image_layout)
$(IMAGE_TESTS): $(filter-out %/main.o,$(IMAGE_OBJECTS))
$(IMAGE_TESTS): private TEST_LIBS := -lcrypto -lz -lzstd
$(IMAGE_TESTS): private PIE := -pie
$(addprefix $(BUILD)/tests/,unit/image_bolt fuzz/replay_bolt fuzz/fuzz_bolt): $(filter %/hrun-image/bolt.o,$(IMAGE_OBJECTS))
$(BUILD)/tests/unit/image_hasher: $(filter %/hasher.o %/filter.o,$(IMAGE_OBJECTS))
$(BUILD)/tests/unit/image_ahead: $(filter %/ahead.o %/filter.o,$(IMAGE_OBJECTS))
$(BUILD)/tests/unit/image_stream: $(LAYER_OBJECTS)
$(BUILD)/tests/unit/image_stream: private TEST_LIBS := -lz -lzstd
# Image verification without a policy file.
$(BUILD)/tests/image/drive: $(BASE)/tests/image/drive.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
$(BUILD)/tests/image/fake: $(BASE)/tests/image/fake.o
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^
# A talk with systemd that ends when a test wants it to.
$(BUILD)/tests/scope/drive: $(BASE)/tests/scope/drive.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
# A child behind the walls of either program.
$(BUILD)/tests/image/walls: $(BASE)/tests/image/walls.o $(filter %/confine.o %/filter.o,$(IMAGE_OBJECTS)) $(filter %/confine.o,$(TREE_OBJECTS)) $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
# The tests of hrun-image's signatures need its parts for them, and libcrypto.
SIGNATURE_SOURCES := $(patsubst %,libexec/hrun-image/%.c,base64 blob cbor dsse identity key members notation refusal scheme scheme_bundle \
	scheme_cosign scheme_notation_cose scheme_notation_jws signatures statement verify x509 x509_name)
SIGNATURE_OBJECTS := $(foreach s,$(SIGNATURE_SOURCES),$(if $(filter $(s),$(MUTATED)),$(BUILD),$(BASE))/$(s:.c=.o))
SIGNATURE_FUZZ := bundle cose cosign jws key statement
SIGNATURE_TESTS := $(addprefix $(BUILD)/tests/,unit/image_schemes unit/image_signing_parts \
	$(SIGNATURE_FUZZ:%=fuzz/replay_%) $(SIGNATURE_FUZZ:%=fuzz/fuzz_%))
$(SIGNATURE_TESTS): $(SIGNATURE_OBJECTS)
$(SIGNATURE_TESTS): private TEST_LIBS = -lcrypto $(if $(findstring /fuzz/,$@),-Wl$(comma)--wrap=verify_plain$(comma)--wrap=verify_jose)
$(SIGNATURE_TESTS): private PIE := -pie
# What judging costs: tests/bench/judge.c.
$(BUILD)/tests/bench/judge: $(BASE)/tests/bench/judge.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
# Programs of the tests that need no library.
TOOLS := isolate fault/inject
$(BUILD)/tests/bench/policy: $(BASE)/tests/bench/policy.o $(BUILD)/libhrun.a
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(LINK_TEST)
$(TOOLS:%=$(BUILD)/tests/%): %: %.o
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^
# What tests put into containers: static, and without sanitizers.
HELPERS := sandbox/probe sandbox/hook attacks/attack engines/pause
$(HELPERS:%=$(BUILD)/tests/%): $(BUILD)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) -static -O1 -D_GNU_SOURCE -o $@ $<
.SECONDARY: # keep every object: a mutant build links the plain build's

.PHONY: unit test-programs fuzzers
unit: $(UNIT)
test-programs: all unit $(REPLAY) $(BUILD)/tests/image/drive $(BUILD)/tests/image/fake $(BUILD)/tests/image/layers $(BUILD)/tests/image/walls $(BUILD)/tests/scope/drive $(TOOLS:%=$(BUILD)/tests/%) $(HELPERS:%=$(BUILD)/tests/%)
fuzzers: $(FUZZERS)

.PHONY: install-dependencies check check-vm demo lint format mutants faults fuzz bench
install-dependencies:
	$(Q)tests/dependencies.sh build test

check:
	$(Q)tests/dependencies.sh build test
	$(Q)$(MAKE) --no-print-directory test-programs
	$(Q)$(MAKE) --no-print-directory BUILD=build-asan SANITIZE=address,undefined test-programs
	$(Q)tests/run --slow --also-sanitized build-asan

# A whole machine, emulated: systemd, every controller.  `make check` needs none.
check-vm:
	$(Q)tests/dependencies.sh build test machine
	$(Q)tests/vm/check.py

demo:
	$(Q)tests/dependencies.sh build demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/demo.sh $(BUILD)/hrun

lint:
	$(Q)tests/run --slow lint

format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

# The objects of the plain build must be there and up to date: mutant builds take them.
mutants: test-programs
	$(Q)tests/mutants/run $(MUTANTS)

# `make check` takes a sample of the calls, this takes all.
faults: test-programs
	$(Q)FAULT_STEP=1 tests/run fault

# libFuzzer needs clang; the corpora are replayed with the ordinary compiler by `make check`.
fuzz:
	$(Q)$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang CFLAGS=-fsanitize=fuzzer-no-link SANITIZE=address,undefined fuzzers
	$(Q)tests/fuzz/run build-fuzz $(TIME)

bench: all $(BUILD)/tests/image/layers $(BUILD)/tests/bench/judge $(BUILD)/tests/bench/policy $(BUILD)/tests/isolate
	$(Q)tests/bench/run.py --hrun $(BUILD)/hrun
	$(Q)$(BUILD)/tests/isolate -- $(BUILD)/tests/bench/policy
	$(Q)$(BUILD)/tests/isolate -- tests/bench/layers.py --build $(BUILD)
	$(Q)$(BUILD)/tests/isolate -- tests/bench/engine_images.py --build $(BUILD)

.PHONY: clean help
clean:
	rm -rf build build-*

help:
	@echo 'make                 build/hrun (SANITIZE=address,undefined CC=clang BUILD=dir V=1)'
	@echo 'make SHARED=1        with shared libraries; without, one static program where all archives are there'
	@echo 'make static          build-static/hrun, static or an error'
	@echo 'make install         DESTDIR= PREFIX=/usr/local SYSCONFDIR=/etc: program, link hrun-restricted, man pages, seccomp profiles, engines'"'"' files (contrib), documents'
	@echo 'sudo make demo       install what the build needs, build, run a container and show its walls'
	@echo 'sudo make check      install what the tests need, build twice (plain, sanitizers), run every test'
	@echo 'sudo make check-vm   the tests that need a whole machine, in emulated ones: systemd, every cgroup controller'
	@echo 'make unit            only build the unit tests: build/tests/unit/*'
	@echo 'make lint            every static check'
	@echo 'make format          clang-format all sources'
	@echo 'sudo make mutants    break one thing at a time: the tests must notice (MUTANTS="NAME..." for some)'
	@echo 'sudo make faults     every system call of every verb fails once, or is its last'
	@echo 'make fuzz TIME=60    each libFuzzer target for TIME seconds (clang)'
	@echo 'sudo make bench      against crun and runc, interleaved'
	@echo 'make clean           remove build and build-*'

-include $(OBJECTS:.o=.d) $(IMAGE_OBJECTS:.o=.d) $(SCOPE_OBJECTS:.o=.d) $(SIGN_OBJECTS:.o=.d) $(TREE_OBJECTS:.o=.d) $(BUILD)/tests/image/layers.d $(UNIT:=.d) $(FUZZ:%=$(BUILD)/tests/fuzz/fuzz_%.d) $(BUILD)/tests/fuzz/replay.d $(BUILD)/tests/image/drive.d $(BUILD)/tests/image/fake.d $(BUILD)/tests/image/walls.d $(BUILD)/tests/scope/drive.d $(TOOLS:%=$(BUILD)/tests/%.d)

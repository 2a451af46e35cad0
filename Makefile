# SPDX-License-Identifier: Apache-2.0
# hrun - see `make help`.

VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
SANITIZE ?=
MUTANT ?=
STATIC ?=
V ?=
Q := $(if $(V),,@)

PKGS := libseccomp libcap yajl
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wwrite-strings -Wundef -Wpointer-arith -Werror
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero -fPIE
OPTIMIZE := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
ifneq ($(SANITIZE),)
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DHRUN_VERSION='"$(VERSION)"' -Iinclude \
	$(if $(MUTANT),-DHRUN_MUTANT_$(MUTANT))
CFLAGS_ALL = -std=gnu11 $(OPTIMIZE) $(WARNINGS) $(HARDENING) -ffile-prefix-map=$(CURDIR)=. $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(if $(STATIC),-static-pie,-pie) -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)

PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config $(if $(STATIC),--static) --libs $(PKGS) 2>/dev/null)

SOURCES := $(sort $(wildcard src/*.c src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/gen/builtin_filters.o
LIBRARY_OBJECTS := $(filter-out $(BUILD)/src/main.o,$(OBJECTS))

.PHONY: all
all: $(BUILD)/hrun

$(BUILD)/hrun: $(OBJECTS)
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(BUILD)/libhrun.a: $(LIBRARY_OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar qcD $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Seccomp profiles -> BPF: a tool runs on the machine that builds; what it writes is for every architecture.
HOSTCC ?= cc
PROFILES := $(addprefix seccomp-profiles/,default.json strict.json compat-x86.json)
PROFILE_TOOL := $(BUILD)/gen/compile-profiles
$(PROFILE_TOOL): $(wildcard seccomp-profiles/*.[ch])
	@mkdir -p $(@D)
	@echo "  HOSTCC $@"
	$(Q)$(HOSTCC) -std=gnu11 -O1 -D_GNU_SOURCE $(WARNINGS) -o $@ $(filter %.c,$^) $$(pkg-config --cflags --libs $(PKGS))
$(BUILD)/gen/builtin_filters.c: $(PROFILE_TOOL) $(PROFILES)
	@echo "  GEN   $@"
	$(Q)$(PROFILE_TOOL) $(PROFILES) >$@.new && mv $@.new $@
$(BUILD)/gen/builtin_filters.o: $(BUILD)/gen/builtin_filters.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Unit tests: tests/unit/NAME.c has a main() and links the library; status 0 is a pass.
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(sort $(wildcard tests/unit/*.c)))
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libhrun.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

.PHONY: unit clean
unit: $(UNIT)
clean:
	rm -rf build build-*

-include $(OBJECTS:.o=.d) $(UNIT:=.d)

# Failing everything once: tests/fault/README.md.
.PHONY: fault
FAULT_SRC := $(sort $(wildcard tests/fault/*.c))
RIG_SRC += $(FAULT_SRC)
RIG_PROGRAMS += $(BUILD)/fault/fault-rig

# The interposers are found by the libraries only in a program that exports them.
$(BUILD)/fault/fault-rig: $(call objects,$(FAULT_SRC)) $(LIB)/libserver.a $(LIB)/libsotay.a \
    $(LIB)/libproto.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(filter %.o,$^) $(filter %.a,$^) $(LDFLAGS_ALL) -rdynamic -no-pie $(LIBS_ALL) -o $@
$(call objects,$(FAULT_SRC)): private CFLAGS_REST += -fvisibility=default
# Our malloc is called before the sanitizer is ready for code of its own kind, and hands on to its.
ifneq ($(filter asan tsan,$(MODE)),)
$(call objects,$(FAULT_SRC)): private CFLAGS_REST += -fno-sanitize=all -DFAULT_BEFORE_ASAN
endif

fault: rig-programs-fault ## fail every call once, and from then on; LONG=1 for every n
	@tools/check/amounts.sh count fault tests/fault/run $(if $(LONG),long,short)

# soundcore in MicroPython's make ports (unix, qemu).
SOUNDCORE_DIR := $(USERMOD_DIR)

SRC_USERMOD_C += $(SOUNDCORE_DIR)/modsoundcore.c
SOUNDCORE_C := $(filter-out %/modsoundcore.c,$(sort $(wildcard $(SOUNDCORE_DIR)/*.c $(SOUNDCORE_DIR)/*/*.c)))
ifeq ($(SOUNDCORE_ENGINE),tflm)
SOUNDCORE_C := $(filter-out %/nn/model.c,$(SOUNDCORE_C))
include $(SOUNDCORE_DIR)/tflm.mk
endif
SRC_USERMOD_LIB_C += $(SOUNDCORE_C)
CFLAGS_USERMOD += -I$(SOUNDCORE_DIR)

# No contraction: multipliers computed at init must not depend on whether the target has fused multiply-add. CircuitPython
# warns where floats are compared: here that is meant.
$(patsubst $(SOUNDCORE_DIR)/%.c,$(BUILD)/soundcore/%.o,$(SOUNDCORE_C)): CFLAGS += -std=c11 -O2 -ffp-contract=off \
	-Wno-float-equal

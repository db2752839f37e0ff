# TensorFlow Lite Micro for model_tflm.cc, as tflm.cmake does it, for make.
TFLM_LIST := $(SOUNDCORE_DIR)/tflm.list
tflm_list = $(shell sed -n 's/^$(1) //p' $(TFLM_LIST))
ifeq ($(wildcard $(TFLM_DIR)/tensorflow/lite/micro/micro_interpreter.h),)
$(error SOUNDCORE_ENGINE=tflm needs TFLM_DIR, a source tree of TensorFlow Lite Micro; '$(TFLM_DIR)' has no \
	tensorflow/lite/micro/micro_interpreter.h)
endif
TFLM_PLACES := third_party third_party_static tensorflow/lite/micro/tools/make/downloads
# The folders of that name in the places for libraries.
tflm_places = $(wildcard $(foreach l,$(1),$(foreach p,$(TFLM_PLACES),$(TFLM_DIR)/$(p)/$(l))))
ifeq ($(call tflm_places,flatbuffers/include),)
$(error $(TFLM_DIR) lacks flatbuffers, gemmlowp and ruy: make third_party_downloads there, or use the tree that its \
	create_tflm_tree.py writes)
endif
ifneq ($(filter-out reference cmsis_nn esp_nn,$(TFLM_KERNELS)),)
$(error TFLM_KERNELS is reference, cmsis_nn or esp_nn, not '$(TFLM_KERNELS)')
endif

TFLM_AT := $(TFLM_DIR)/tensorflow/lite/micro/kernels
TFLM_FASTER := $(filter-out reference,$(TFLM_KERNELS))
ifneq ($(TFLM_FASTER),)
ifeq ($(wildcard $(TFLM_AT)/$(TFLM_FASTER)/.),)
$(error TFLM_KERNELS=$(TFLM_KERNELS): $(TFLM_DIR) has no tensorflow/lite/micro/kernels/$(TFLM_KERNELS))
endif
endif
# nn/ops.h ends each row of its table with the file's name.
TFLM_OPS := $(sort $(call tflm_list,kernel) \
	$(shell sed -n 's/^ .*[A-Z][A-Za-z0-9]*, \([a-z_0-9]*\). *\\*$$/\1/p' $(SOUNDCORE_DIR)/nn/ops.h))
# The file of a kernel: the faster one where there is one.
tflm_kernel = $(or $(if $(TFLM_FASTER),$(wildcard $(foreach e,cc cpp,$(TFLM_AT)/$(TFLM_FASTER)/$(1).$(e)))),\
	$(wildcard $(foreach e,cc cpp,$(TFLM_AT)/$(1).$(e))),$(error $(TFLM_DIR) has no kernel $(1) in \
	tensorflow/lite/micro/kernels))
TFLM_CC := $(foreach f,$(call tflm_list,folder),$(wildcard $(TFLM_DIR)/$(f)/*.cc $(TFLM_DIR)/$(f)/*.cpp)) \
	$(foreach k,$(TFLM_OPS),$(call tflm_kernel,$(k)) $(wildcard $(foreach e,cc cpp,$(TFLM_AT)/$(k)_common.$(e))))
# Its own tests, and what only they use.
TFLM_CC := $(sort $(foreach f,$(TFLM_CC),$(if $(filter %_test test_% fake_micro_context% mock_%,$(basename \
	$(notdir $(f)))),,$(f))))
$(foreach n,$(call tflm_list,needs),$(if $(filter %/$(n).cc %/$(n).cpp,$(TFLM_CC)),,$(error $(TFLM_DIR) has no $(n).cc \
	in any folder that firmware/cmodules/soundcore/tflm.list names: it is not whole, or of a version that keeps it \
	elsewhere)))

TFLM_INCLUDES := $(SOUNDCORE_DIR) $(TFLM_DIR) $(call tflm_places,flatbuffers/include gemmlowp ruy)
TFLM_DEFINITIONS := $(call tflm_list,define)
# The libraries that those kernels call, with the definitions they are switched on by.
TFLM_C :=
tflm_library = $(or $(firstword $(call tflm_places,$(1))),$(error TFLM_KERNELS=$(TFLM_KERNELS) needs the library \
	$(firstword $(1)); $(TFLM_DIR) has it in none of $(TFLM_PLACES)))
ifeq ($(TFLM_FASTER),cmsis_nn)
TFLM_NN := $(call tflm_library,cmsis_nn)
TFLM_CORE := $(call tflm_library,cmsis)
TFLM_C := $(sort $(shell find $(TFLM_NN)/Source -name '*.c'))
TFLM_INCLUDES += $(TFLM_NN) $(TFLM_NN)/Include $(TFLM_CORE) $(TFLM_CORE)/CMSIS/Core/Include
TFLM_DEFINITIONS += CMSIS_NN
else ifeq ($(TFLM_FASTER),esp_nn)
# No make port is for one of the chips that have files of their own there.
TFLM_NN := $(call tflm_library,esp_nn esp-nn)
TFLM_C := $(sort $(filter-out %_esp32s3.c %_esp32p4.c %_riscv_pie.c %_multicore.c %_mt.c %_mt_split.c,\
	$(wildcard $(TFLM_NN)/src/*/*.c)))
TFLM_INCLUDES += $(TFLM_NN)/include $(TFLM_NN)/src/common
TFLM_DEFINITIONS += ESP_NN CONFIG_NN_OPTIMIZED
endif
ifneq ($(TFLM_FASTER),)
ifeq ($(TFLM_C),)
$(error TFLM_KERNELS=$(TFLM_KERNELS): $(TFLM_NN) has no sources)
endif
endif

TFLM_FLAGS := $(call tflm_list,flag) $(addprefix -D,$(TFLM_DEFINITIONS)) $(addprefix -I,$(TFLM_INCLUDES))
TFLM_SOURCES := $(TFLM_CC) $(TFLM_C)
TFLM_O := $(addsuffix .o,$(basename $(patsubst $(TFLM_DIR)/%,$(BUILD)/tflm/%,$(TFLM_SOURCES)))) \
	$(BUILD)/tflm/model_tflm.o
# What is not called, the ports' --gc-sections leaves out.
PY_O += $(TFLM_O)
ifeq ($(CROSS_COMPILE),)
LDFLAGS_USERMOD += -lstdc++ -lm
else
# The ports for chips call the linker itself, which does not know where the compiler's libraries are.
LIBS += $(foreach l,stdc++ m c gcc,$(shell $(CC) $(CFLAGS) -print-file-name=lib$(l).a))
endif

# Flags of C alone (-std=gnu99 and such) are not for C++; those of the target are.
TFLM_TARGET = $(filter -m% -specs=% --specs=% -ffile-prefix-map=%,$(CFLAGS))
TFLM_CXX = $(CXX) $(TFLM_TARGET) -std=c++17 $(TFLM_FLAGS)
TFLM_CC_C = $(CC) $(TFLM_TARGET) -std=gnu11 $(filter-out -fno-rtti -fno-threadsafe-statics,$(TFLM_FLAGS))
$(BUILD)/tflm/model_tflm.o: $(SOUNDCORE_DIR)/nn/model_tflm.cc
	$(ECHO) "CXX $<"
	$(Q)$(MKDIR) -p $(dir $@)
	$(Q)$(TFLM_CXX) -c -o $@ $<
$(BUILD)/tflm/%.o: $(TFLM_DIR)/%.cc
	$(ECHO) "CXX $<"
	$(Q)$(MKDIR) -p $(dir $@)
	$(Q)$(TFLM_CXX) -c -o $@ $<
$(BUILD)/tflm/%.o: $(TFLM_DIR)/%.cpp
	$(ECHO) "CXX $<"
	$(Q)$(MKDIR) -p $(dir $@)
	$(Q)$(TFLM_CXX) -c -o $@ $<
$(BUILD)/tflm/%.o: $(TFLM_DIR)/%.c
	$(ECHO) "CC $<"
	$(Q)$(MKDIR) -p $(dir $@)
	$(Q)$(TFLM_CC_C) -c -o $@ $<

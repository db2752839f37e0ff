// What differs between the two builds of modsoundcore.c.
//
// In an image (USER_C_MODULES) MicroPython's functions are linked, names are constants of the compiler, and tables of
// them lie in flash. A native module, soundcore.mpy, reaches MicroPython through a table of functions (dynruntime.h)
// and learns the numbers of its names when it is loaded: there tables of names are filled in at run time, types when
// the module is imported.
#ifndef SC_BINDING_H
#define SC_BINDING_H

#if MICROPY_ENABLE_DYNRUNTIME

#include "py/dynruntime.h"
#include "py/objarray.h"

// Functions of the image that dynruntime.h lacks.
#define mp_obj_new_exception_args(type, n, args) (mp_call_function_n_kw(MP_OBJ_FROM_PTR(type), (n), 0, (args)))
#define mp_obj_equal(a, b) (mp_binary_op(MP_BINARY_OP_EQUAL, (a), (b)) == mp_const_true)

static inline void mp_obj_memoryview_init(
    mp_obj_array_t *view, size_t typecode, size_t offset, size_t len, void *items) {
    view->base.type = MP_OBJ_TO_PTR(mp_load_global(MP_QSTR_memoryview));
    view->typecode = (uint8_t)typecode;
    view->free = offset;
    view->len = len;
    view->items = items;
}

// By address: how an image takes a float that is passed by value depends on its chip, the module's code does not.
static inline mp_obj_t new_float(float value) {
    return mp_binary_get_val_array('f', &value, 0);
}

// A table of names: on the stack, filled in by the function that uses it.
#define SC_NAME_TABLE

// Types are variables, which must not be static here, and are filled in by <name>_type_init.
#define SC_TYPE(name) ((const mp_obj_type_t *)&name##_type)
#define SC_DECLARE_TYPE(name) extern mp_obj_full_type_t name##_type
#define SC_STORE_MEMBER(name, value) mp_obj_dict_store(members, MP_OBJ_NEW_QSTR(name), (mp_obj_t)(value));
#define SC_DEFINE_TYPE(name_, qstr_, make_, attr_, MEMBERS) \
    mp_obj_full_type_t name_##_type; \
    static void name_##_type_init(void) { \
        mp_obj_t members = mp_obj_new_dict(0); \
        MEMBERS(SC_STORE_MEMBER) \
        name_##_type.base.type = &mp_type_type; \
        name_##_type.flags = MP_TYPE_FLAG_NONE; \
        name_##_type.name = qstr_; \
        MP_OBJ_TYPE_SET_SLOT(&name_##_type, make_new, make_, 0); \
        MP_OBJ_TYPE_SET_SLOT(&name_##_type, attr, attr_, 1); \
        MP_OBJ_TYPE_SET_SLOT(&name_##_type, locals_dict, MP_OBJ_TO_PTR(members), 2); \
    }

#define SC_DEFINE_ERROR(name) mp_obj_full_type_t name##_type
#define SC_ERROR(name) SC_TYPE(name)

#define SC_DEFINE_MODULE(qstr_, GLOBALS, INIT_TYPES) \
    mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) { \
        MP_DYNRUNTIME_INIT_ENTRY \
        (void)n_args; \
        (void)n_kw; \
        (void)args; \
        INIT_TYPES(SC_INIT_ERROR, SC_INIT_TYPE) \
        GLOBALS(SC_STORE_GLOBAL) \
        MP_DYNRUNTIME_INIT_EXIT \
    }
#define SC_INIT_ERROR(name, qstr_, parent) mp_obj_exception_init(&name##_type, qstr_, &parent);
#define SC_INIT_TYPE(name) name##_type_init();
#define SC_STORE_GLOBAL(name, value) mp_store_global(name, (mp_obj_t)(value));

#else

#include "py/binary.h"
#include "py/objarray.h"
#include "py/runtime.h"

static inline mp_obj_t new_float(float value) {
    return mp_obj_new_float_from_f(value);
}

#define SC_NAME_TABLE static

#define SC_TYPE(name) (&name##_type)
#define SC_DECLARE_TYPE(name) static const mp_obj_type_t name##_type
#define SC_MEMBER(name, value) {MP_ROM_QSTR(name), value},
#define SC_DEFINE_TYPE(name_, qstr_, make_, attr_, MEMBERS) \
    static const mp_rom_map_elem_t name_##_members_table[] = {MEMBERS(SC_MEMBER)}; \
    static MP_DEFINE_CONST_DICT(name_##_members, name_##_members_table); \
    static MP_DEFINE_CONST_OBJ_TYPE( \
        name_##_type, qstr_, MP_TYPE_FLAG_NONE, \
        make_new, make_, \
        attr, attr_, \
        locals_dict, &name_##_members \
        );

#define SC_DEFINE_ERROR(name) static MP_DEFINE_EXCEPTION(name, ValueError)
#define SC_ERROR(name) (&mp_type_##name)

#define SC_DEFINE_MODULE(qstr_, GLOBALS, INIT_TYPES) \
    static const mp_rom_map_elem_t soundcore_globals_table[] = { \
        {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(qstr_)}, \
        GLOBALS(SC_MEMBER) \
    }; \
    static MP_DEFINE_CONST_DICT(soundcore_globals, soundcore_globals_table); \
    const mp_obj_module_t soundcore_module = { \
        .base = {&mp_type_module}, \
        .globals = (mp_obj_dict_t *)&soundcore_globals, \
    }; \
    MP_REGISTER_MODULE(qstr_, soundcore_module);

#endif

#endif

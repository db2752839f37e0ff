// CPython binding of soundcore. modsoundcore.c gives MicroPython the same names, arguments and errors.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "capture/adpcm.h"
#include "detect/detector.h"
#include "detect/sound_level.h"
#include "frontend/frontend.h"
#include "meta.h"
#include "nn/model.h"
#include "nn/cost.h"
#include "capture/pdm.h"
#include "capture/i2s_unpack.h"
#include "stream.h"
}

namespace nb = nanobind;

namespace {

// 16-byte aligned memory, as the core requires; new gives it on our hosts but does not promise it.
class Memory {
public:
    explicit Memory(size_t size) : bytes_(static_cast<char *>(std::malloc(size + 16))) {
        if (!bytes_) {
            throw std::bad_alloc();
        }
    }
    ~Memory() { std::free(bytes_); }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
    void *get() const { return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(bytes_) + 15) & ~uintptr_t{15}); }

private:
    char *bytes_;
};

class Buffer {
public:
    Buffer(nb::handle object, int flags) {
        if (PyObject_GetBuffer(object.ptr(), &view_, flags | PyBUF_FORMAT) != 0) {
            if (PyErr_ExceptionMatches(PyExc_BufferError)) {  // which MicroPython does not have
                PyErr_Clear();
                throw nb::type_error((flags & PyBUF_WRITABLE) ? "the buffer must be writable"
                                                              : "the buffer must be contiguous");
            }
            throw nb::python_error();
        }
        if (!PyBuffer_IsContiguous(&view_, 'C')) {
            PyBuffer_Release(&view_);
            throw nb::type_error("the buffer must be contiguous");
        }
    }
    ~Buffer() { PyBuffer_Release(&view_); }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    void *data() const { return view_.buf; }
    size_t size() const { return static_cast<size_t>(view_.len); }
    std::string format() const {
        std::string f = view_.format ? view_.format : "B";
        return f.size() == 2 && (f[0] == '<' || f[0] == '=' || f[0] == '@') ? f.substr(1) : f;
    }

private:
    Py_buffer view_;
};

// int16 samples, or raw bytes of them.
class Pcm {
public:
    explicit Pcm(nb::handle object) : buffer_(object, PyBUF_ND | PyBUF_STRIDES) {
        std::string format = buffer_.format();
        if (format != "h" && format != "b" && format != "B" && format != "c") {
            throw nb::type_error("pcm must hold int16 samples (array('h'), numpy int16, or their bytes)");
        }
        if (buffer_.size() % 2 != 0) {
            throw nb::value_error("pcm ends in the middle of a sample");
        }
        if (reinterpret_cast<uintptr_t>(buffer_.data()) % alignof(int16_t) != 0) {
            copy_ = std::make_unique<int16_t[]>(size());
            std::memcpy(copy_.get(), buffer_.data(), buffer_.size());
        }
    }
    const int16_t *data() const { return copy_ ? copy_.get() : static_cast<const int16_t *>(buffer_.data()); }
    size_t size() const { return buffer_.size() / 2; }

private:
    Buffer buffer_;
    std::unique_ptr<int16_t[]> copy_;
};

// A model file, kept alive and read in place; copied only if it is unaligned.
class File {
public:
    explicit File(nb::handle object) : buffer_(object, PyBUF_ND | PyBUF_STRIDES) {
        if (reinterpret_cast<uintptr_t>(buffer_.data()) % 16 != 0) {
            copy_ = std::make_unique<Memory>(buffer_.size());
            std::memcpy(copy_->get(), buffer_.data(), buffer_.size());
        }
    }
    const void *data() const { return copy_ ? copy_->get() : buffer_.data(); }
    size_t size() const { return buffer_.size(); }

    nb::object metadata() const {
        size_t size = 0;
        sc_fault_t fault{};
        const void *text = sc_model_metadata(data(), this->size(), SC_META_NAME, &size, &fault);
        if (!text) {
            return nb::none();
        }
        return nb::bytes(static_cast<const char *>(text), size);
    }

private:
    Buffer buffer_;
    std::unique_ptr<Memory> copy_;
};

PyObject *error_type = nullptr;

[[noreturn]] void raise(const sc_fault_t &fault) {
    char text[160];
    sc_error_text(&fault, text, sizeof(text));
    nb::tuple args = nb::make_tuple(sc_error_name(fault.code), text);
    PyErr_SetObject(error_type, args.ptr());
    throw nb::python_error();
}

[[noreturn]] void raise(sc_err_t code) {
    sc_fault_t fault;
    sc_error_fail(&fault, code);
    raise(fault);
}

using View = nb::ndarray<nb::memview, int8_t, nb::ndim<1>>;

View view(const sc_model_tensor_t &tensor, nb::handle owner) {
    return View(tensor.data, {tensor.size}, owner);
}

template <typename Tensor> nb::tuple shape(const Tensor &tensor) {
    nb::list sizes;
    for (int32_t i = 0; i < tensor.dims; i++) {
        sizes.append(tensor.shape[i]);
    }
    return nb::tuple(sizes);
}

// What a model of many tensors needs while it is made.
class Scratch {
public:
    explicit Scratch(const File &file) : words_((sc_model_scratch(file.data(), file.size()) + 3) / 4) {
        scratch_ = {words_.data(), words_.size() * 4};
    }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    const sc_scratch_t *get() const { return &scratch_; }

private:
    std::vector<uint32_t> words_;
    sc_scratch_t scratch_{};
};

// For tools on the host only, so MicroPython has no such function.
nb::list operators(nb::handle buf) {
    File file(buf);
    Scratch scratch(file);
    sc_fault_t fault{};
    size_t count = sc_cost_read(file.data(), file.size(), nullptr, 0, scratch.get(), &fault);
    std::vector<sc_cost_entry_t> entries(count);
    if (count == 0
        || sc_cost_read(file.data(), file.size(), entries.data(), count, scratch.get(), &fault) == 0) {
        raise(fault);
    }
    nb::list rows;
    for (const auto &e : entries) {
        rows.append(nb::make_tuple(e.name, shape(e), e.macs, e.run, e.calls));
    }
    return rows;
}

nb::tuple quant(const sc_model_tensor_t &tensor) {
    return nb::make_tuple(tensor.scale, tensor.zero_point);
}

class Frontend {
public:
    explicit Frontend(const sc_frontend_settings_t &settings) {
        sc_fault_t fault{};
        size_t size = sc_frontend_size(&settings, &fault);
        if (size == 0) {
            raise(fault);
        }
        memory_ = std::make_unique<Memory>(size);
        size_ = size;
        frontend_ = sc_frontend_init(memory_->get(), size, &settings, &fault);
        if (!frontend_) {
            raise(fault);
        }
    }

    size_t push(nb::handle pcm, nb::handle out) {
        Pcm samples(pcm);
        Buffer frames(out, PyBUF_ND | PyBUF_STRIDES | PyBUF_WRITABLE);
        std::string format = frames.format();
        if (format != "b" && format != "B" && format != "c") {
            throw nb::type_error("out must hold int8 values (bytearray, array('b') or numpy int8)");
        }
        size_t width = sc_frontend_width(frontend_);
        if (frames.size() / width < sc_frontend_frames_after(frontend_, samples.size())) {
            raise(SC_E_FRONTEND_ROOM);
        }
        const int16_t *p = samples.data();
        int8_t *to = static_cast<int8_t *>(frames.data());
        size_t written = 0;
        for (size_t left = samples.size(); left;) {
            int made = 0;
            size_t took = sc_frontend_push(frontend_, p, left, to + written * width, &made);
            p += took;
            left -= took;
            written += made ? 1 : 0;
        }
        return written;
    }

    void reset() { sc_frontend_reset(frontend_); }
    size_t width() const { return sc_frontend_width(frontend_); }
    size_t size() const { return size_; }
    size_t needed() const { return sc_frontend_needed(frontend_); }
    size_t frames_after(size_t n) const { return sc_frontend_frames_after(frontend_, n); }

private:
    std::unique_ptr<Memory> memory_;
    size_t size_ = 0;
    sc_frontend_t *frontend_ = nullptr;
};

class Model {
public:
    explicit Model(nb::handle buf) : file_(buf) {
        Scratch scratch(file_);
        sc_fault_t fault{};
        size_t size = sc_model_size(file_.data(), file_.size(), scratch.get(), &fault);
        if (size == 0) {
            raise(fault);
        }
        memory_ = std::make_unique<Memory>(size);
        model_ = sc_model_init(memory_->get(), size, file_.data(), file_.size(), scratch.get(), &fault);
        if (!model_) {
            raise(fault);
        }
    }

    sc_model_tensor_t input(size_t i) const {
        if (i >= inputs()) {
            throw nb::index_error("the model has no such input");
        }
        sc_model_tensor_t tensor;
        sc_model_input(model_, i, &tensor);
        return tensor;
    }

    sc_model_tensor_t output(size_t i) const {
        if (i >= outputs()) {
            throw nb::index_error("the model has no such output");
        }
        sc_model_tensor_t tensor;
        sc_model_output(model_, i, &tensor);
        return tensor;
    }

    void invoke() { sc_model_invoke(model_); }
    size_t inputs() const { return sc_model_inputs(model_); }
    size_t outputs() const { return sc_model_outputs(model_); }
    size_t arena_size() const { return sc_model_arena_size(model_); }
    nb::object metadata() const { return file_.metadata(); }

private:
    File file_;
    std::unique_ptr<Memory> memory_;
    sc_model_t *model_ = nullptr;
};

class Stream {
public:
    explicit Stream(nb::handle buf) : file_(buf) {
        Scratch scratch(file_);
        sc_fault_t fault{};
        size_t size = sc_stream_size(file_.data(), file_.size(), scratch.get(), &fault);
        if (size == 0) {
            raise(fault);
        }
        memory_ = std::make_unique<Memory>(size);
        stream_ = sc_stream_init(memory_->get(), size, file_.data(), file_.size(), scratch.get(), &fault);
        if (!stream_) {
            raise(fault);
        }
    }

    size_t feed(nb::handle pcm, size_t start) {
        Pcm samples(pcm);
        if (start > samples.size()) {
            throw nb::value_error("start is past the samples");
        }
        return sc_stream_feed(stream_, samples.data() + start, samples.size() - start);
    }

    void reset() { sc_stream_reset(stream_); }
    size_t step_samples() const { return sc_stream_step_samples(stream_); }
    bool stepped() const { return sc_stream_stepped(stream_) != 0; }
    size_t arena_size() const { return sc_stream_arena_size(stream_); }
    nb::object metadata() const { return file_.metadata(); }

    template <void (*Get)(const sc_stream_t *, sc_model_tensor_t *)>
    sc_model_tensor_t tensor() const {
        sc_model_tensor_t t;
        Get(stream_, &t);
        return t;
    }

    const sc_stream_t *core() const { return stream_; }
    sc_meta_t meta() const {
        sc_meta_t meta;
        sc_fault_t fault{};
        if (!sc_meta_read(&meta, file_.data(), file_.size(), &fault)) {
            raise(fault);
        }
        return meta;
    }

private:
    File file_;
    std::unique_ptr<Memory> memory_;
    sc_stream_t *stream_ = nullptr;
};

class Detector {
public:
    Detector(nb::object stream, nb::object rules, bool softmax, int32_t pool_ms) : stream_(stream), rules_(rules) {
        const Stream &of = nb::cast<const Stream &>(stream);
        sc_meta_t meta = of.meta();
        sc_detector_settings_t settings{&meta.frontend, softmax, pool_ms};
        sc_fault_t fault{};
        size_t size = sc_detector_size(of.core(), &settings, &fault);
        if (size == 0) {
            raise(fault);
        }
        Rules check(rules_, meta.labels);
        memory_ = std::make_unique<Memory>(size);
        detector_ = sc_detector_init(memory_->get(), of.core(), &settings);
        sc_detector_outputs(detector_, &out_);
    }

    size_t step(nb::int_ now) {
        Rules rules(rules_, classes());
        return sc_detector_step(detector_, rules.get(), samples(now));
    }
    size_t close(nb::int_ now) { return sc_detector_close(detector_, samples(now)); }
    size_t classes() const { return sc_detector_classes(detector_); }
    const sc_detector_outputs_t &outputs() const { return out_; }

private:
    class Rules {
    public:
        Rules(nb::handle object, size_t classes) : buffer_(object, PyBUF_ND | PyBUF_STRIDES) {
            if (buffer_.format() != "H" || buffer_.size() < classes * sizeof(sc_rule_t)) {
                raise(SC_E_DETECTOR_RULES);
            }
        }
        const sc_rule_t *get() const { return static_cast<const sc_rule_t *>(buffer_.data()); }

    private:
        Buffer buffer_;
    };

    static uint32_t samples(const nb::int_ &now) {
        return static_cast<uint32_t>(PyLong_AsUnsignedLongLongMask(now.ptr()));
    }

    nb::object stream_;
    nb::object rules_;
    std::unique_ptr<Memory> memory_;
    sc_detector_t *detector_ = nullptr;
    sc_detector_outputs_t out_{};
};

// A live view of one of a detector's outputs.
template <auto Output> auto detector_view(nb::handle self) {
    Detector &detector = nb::cast<Detector &>(self);
    auto *values = detector.outputs().*Output;
    return nb::ndarray<nb::memview, std::remove_pointer_t<decltype(values)>, nb::ndim<1>>(
        values, {detector.classes()}, self);
}

class SoundLevel {
public:
    SoundLevel() { sc_sound_level_init(&level_); }
    void add(nb::handle block) {
        Pcm samples(block);
        sc_sound_level_add(&level_, samples.data(), samples.size());
    }
    int32_t read() { return sc_sound_level_read(&level_); }

private:
    sc_sound_level_t level_;
};

// Raw bytes from a microphone and the buffer for the samples made of them. unit: bytes per sample.
class Raw {
public:
    Raw(nb::handle raw, nb::handle out, size_t unit)
        : raw_(raw, PyBUF_ND | PyBUF_STRIDES), out_(out, PyBUF_ND | PyBUF_STRIDES | PyBUF_WRITABLE) {
        std::string format = raw_.format();
        if (format != "b" && format != "B" && format != "c") {
            throw nb::type_error("raw must hold bytes");
        }
        if (out_.format() != "h" || reinterpret_cast<uintptr_t>(out_.data()) % alignof(int16_t) != 0) {
            throw nb::type_error("out must be an array('h') or a view of one");
        }
        if (raw_.size() % unit != 0) {
            throw nb::value_error("raw ends in the middle of a sample");
        }
        samples = raw_.size() / unit;
        if (out_.size() / sizeof(int16_t) < samples) {
            raise(SC_E_GAIN_ROOM);
        }
    }
    const uint8_t *bytes() const { return static_cast<const uint8_t *>(raw_.data()); }
    int16_t *out() const { return static_cast<int16_t *>(out_.data()); }
    size_t samples;

private:
    Buffer raw_;
    Buffer out_;
};

class I2sUnpacker {
public:
    explicit I2sUnpacker(const sc_i2s_unpack_settings_t &settings) {
        sc_err_t code = sc_i2s_unpack_init(&unpack_, &settings);
        if (code != SC_OK) {
            raise(code);
        }
    }

    size_t convert(nb::handle raw, nb::handle out) {
        Raw in(raw, out, sc_i2s_unpack_frame_bytes(&unpack_));
        sc_i2s_unpack_convert(&unpack_, in.bytes(), in.samples, in.out());
        return in.samples;
    }

    void reset() { sc_i2s_unpack_reset(&unpack_); }

private:
    sc_i2s_unpack_t unpack_;
};

class Pdm {
public:
    explicit Pdm(const sc_pdm_settings_t &settings) {
        sc_err_t code = sc_pdm_init(&pdm_, &settings);
        if (code != SC_OK) {
            raise(code);
        }
    }

    size_t convert(nb::handle raw, nb::handle out) {
        Raw in(raw, out, SC_PDM_BYTES);
        sc_pdm_convert(&pdm_, in.bytes(), in.samples, in.out());
        return in.samples;
    }

    void reset() { sc_pdm_reset(&pdm_); }

private:
    sc_pdm_t pdm_;
};

// Live views keep their Stream alive.
template <void (*Get)(const sc_stream_t *, sc_model_tensor_t *)>
View stream_view(nb::handle self) {
    return view(nb::cast<Stream &>(self).tensor<Get>(), self);
}

template <void (*Get)(const sc_stream_t *, sc_model_tensor_t *)>
nb::tuple stream_quant(const Stream &self) {
    return quant(self.tensor<Get>());
}

size_t adpcm_encode(nb::handle pcm, nb::handle out, int32_t bits) {
    Pcm samples(pcm);
    Buffer bytes(out, PyBUF_ND | PyBUF_STRIDES | PyBUF_WRITABLE);
    std::string format = bytes.format();
    if (format != "b" && format != "B" && format != "c") {
        throw nb::type_error("out must hold bytes");
    }
    size_t size = sc_adpcm_size(samples.size(), bits);
    if (bits >= 3 && bits <= 5 && bytes.size() < size) {
        raise(SC_E_ADPCM_ROOM);
    }
    sc_err_t code = sc_adpcm_encode(samples.data(), samples.size(), bits, static_cast<uint8_t *>(bytes.data()));
    if (code != SC_OK) {
        raise(code);
    }
    return size;
}

size_t adpcm_decode(nb::handle data, nb::handle out) {
    Buffer bytes(data, PyBUF_ND | PyBUF_STRIDES);
    Buffer pcm(out, PyBUF_ND | PyBUF_STRIDES | PyBUF_WRITABLE);
    std::string format = pcm.format();
    if (format != "h" && format != "b" && format != "B" && format != "c") {
        throw nb::type_error("out must hold int16 samples (array('h'), numpy int16, or their bytes)");
    }
    size_t samples = 0;
    const uint8_t *piece = static_cast<const uint8_t *>(bytes.data());
    sc_err_t code = sc_adpcm_samples(piece, bytes.size(), &samples);
    if (code == SC_OK && pcm.size() / 2 < samples) {
        code = SC_E_ADPCM_ROOM;
    }
    if (code != SC_OK) {
        raise(code);
    }
    sc_adpcm_decode(piece, pcm.data());
    return samples;
}

}  // namespace

NB_MODULE(soundcore, m) {
    m.doc() = "Fixed-point sound features and an INT8 network engine: the code that also runs on the chip.";
    m.attr("FRONTEND_VERSION") = SC_FRONTEND_VERSION;

    error_type = PyErr_NewExceptionWithDoc(
        "soundcore.Error",
        "A refused file or setting. args is (code, detail): code is a dotted name such as 'model.op', detail one\n"
        "sentence that names the operator and tensor where there is one.",
        PyExc_ValueError, nullptr);
    m.attr("Error") = nb::handle(error_type);

    const sc_frontend_settings_t &d = sc_frontend_defaults;
    nb::class_<Frontend>(
        m, "Frontend",
        "Log-mel or MFCC features from 16-bit mono PCM, in fixed point.\n\n"
        "Settings (all int): rate_hz 4000..48000; window 256..1024 samples, periodic Hann; hop 64..1024 samples;\n"
        "fft 256, 512 or 1024 points; bands 1..128, even on the HTK mel scale 2595 log10(1 + f/700) between low_hz\n"
        "and high_hz; coefficients 0 for log-mel, else 1..40 MFCCs (orthonormal DCT-II); floor_db, the dBFS that\n"
        "becomes -128; step_mdb, thousandths of a dB per int8 step.\n\n"
        "Raises Error('frontend.*') for settings outside these ranges.")
        .def(
            "__init__",
            [](Frontend *self, int rate_hz, int window, int hop, int fft, int bands, int low_hz, int high_hz,
               int coefficients, int floor_db, int step_mdb) {
                new (self) Frontend(sc_frontend_settings_t{rate_hz, window, hop, fft, bands, low_hz, high_hz,
                                                            coefficients, floor_db, step_mdb});
            },
            nb::kw_only(), nb::arg("rate_hz") = d.rate_hz, nb::arg("window") = d.window, nb::arg("hop") = d.hop,
            nb::arg("fft") = d.fft, nb::arg("bands") = d.bands, nb::arg("low_hz") = d.low_hz,
            nb::arg("high_hz") = d.high_hz, nb::arg("coefficients") = d.coefficients,
            nb::arg("floor_db") = d.floor_db, nb::arg("step_mdb") = d.step_mdb)
        .def("push", &Frontend::push, nb::arg("pcm"), nb::arg("out"),
             "Write the frames that the int16 samples complete to out, int8 (frames, width), and return how many.\n\n"
             "The first frame is complete after `window` samples, each further one after `hop` more. Raises\n"
             "Error('frontend.room') and takes nothing if out holds too few frames.")
        .def("reset", &Frontend::reset, "Forget all samples.")
        .def("frames_after", &Frontend::frames_after, nb::arg("n"),
             "Return how many frames n more samples would complete.")
        .def_prop_ro("needed", &Frontend::needed, "Samples that the next frame still lacks.")
        .def_prop_ro("width", &Frontend::width, "Values per frame: bands, or coefficients.")
        .def_prop_ro("size", &Frontend::size, "Bytes of memory in use.")
        .attr("VERSION") = SC_FRONTEND_VERSION;

    nb::class_<Model>(
        m, "Model",
        "An INT8 .tflite, run in place: buf (bytes-like) is kept, not copied.\n\n"
        "Everything is checked here; Error('model.*') names the operator and tensor that cannot be run.")
        .def(nb::init<nb::handle>(), nb::arg("buf"))
        .def(
            "input",
            [](nb::handle self, size_t i) { return view(nb::cast<Model &>(self).input(i), self); }, nb::arg("i"),
            "Return input i as a flat, writable int8 memoryview over the arena. Raises IndexError beyond the last.")
        .def(
            "output",
            [](nb::handle self, size_t i) { return view(nb::cast<Model &>(self).output(i), self); }, nb::arg("i"),
            "Return output i as a flat int8 memoryview over the arena, which the next invoke changes.")
        .def(
            "input_shape", [](const Model &m, size_t i) { return shape(m.input(i)); }, nb::arg("i"),
            "Return the shape of input i, a tuple of int.")
        .def(
            "output_shape", [](const Model &m, size_t i) { return shape(m.output(i)); }, nb::arg("i"),
            "Return the shape of output i, a tuple of int.")
        .def(
            "input_quant", [](const Model &m, size_t i) { return quant(m.input(i)); }, nb::arg("i"),
            "Return (scale, zero_point) of input i: real = scale * (q - zero_point).")
        .def(
            "output_quant", [](const Model &m, size_t i) { return quant(m.output(i)); }, nb::arg("i"),
            "Return (scale, zero_point) of output i: real = scale * (q - zero_point).")
        .def("invoke", &Model::invoke, "Run the network on its inputs, which keep their contents.")
        .def_prop_ro("inputs", &Model::inputs, "Number of inputs.")
        .def_prop_ro("outputs", &Model::outputs, "Number of outputs.")
        .def_prop_ro("arena_size", &Model::arena_size, "Bytes of memory in use: tensors, plan and multipliers.")
        .def_prop_ro("metadata", &Model::metadata, "The file's `soundsdk` buffer as bytes, None if it has none.");

    nb::class_<Stream>(
        m, "Stream",
        "Frontend and network joined by the model's own metadata: feed PCM, read scores.\n\n"
        "buf (bytes-like) is kept. Raises Error('model.*') for a file that cannot be run and Error('meta.*') for one\n"
        "whose metadata is missing, of another version, or does not fit its tensors.")
        .def(nb::init<nb::handle>(), nb::arg("buf"))
        .def("feed", &Stream::feed, nb::arg("pcm"), nb::arg("start") = 0,
             "Feed int16 samples at the model's rate, from sample `start` of pcm to the end of the step, and return how\n"
             "many were consumed.\n\n"
             "Where a step ends, feed stops: `stepped` is true, and the views show that step until the next feed.")
        .def(
            "detector",
            [](nb::object self, nb::object rules, bool softmax, int32_t pool_ms) {
                return new Detector(self, rules, softmax, pool_ms);  // the caller's
            },
            "Make the detector of this stream (arguments by position), which reads the stream's views at each step.\n\n"
            "rules: array('H') of on, off (1/1000), min_ms and hold_ms of each class, kept and read at each step; softmax:\n"
            "over the classes, else a sigmoid of each; pool_ms: time constant of the pooling, 0 for none. Raises\n"
            "Error('detector.*').")
        .def_prop_ro("stepped", &Stream::stepped, "True if the last feed ended a step.")
        .def("reset", &Stream::reset, "Forget all audio and zero the states.")
        .def_prop_ro("scores", &stream_view<sc_stream_scores>, "Logits of the newest step, int8 (classes,), live.")
        .def_prop_ro("attention", &stream_view<sc_stream_attention>,
                     "Attention logits of the newest step, int8 (1,) or (classes,), live; empty if the model has none.")
        .def_prop_ro("features", &stream_view<sc_stream_features>,
                     "Features of the newest step, int8 (hop_frames * width,), live; the next feed overwrites them.")
        .def_prop_ro("scores_quant", &stream_quant<sc_stream_scores>, "The pair (scale, zero_point) of scores.")
        .def_prop_ro("attention_quant", &stream_quant<sc_stream_attention>,
                     "The pair (scale, zero_point) of attention.")
        .def_prop_ro("step_samples", &Stream::step_samples, "Samples from one step to the next.")
        .def_prop_ro("arena_size", &Stream::arena_size, "Bytes of memory in use, the frontend's included.")
        .def_prop_ro("metadata", &Stream::metadata, "The file's `soundsdk` buffer as bytes.");

    nb::class_<Detector>(
        m, "Detector",
        "Events from a stream's logits, made by Stream.detector(): pooling, probability, thresholds, the rise of the sound.\n\n"
        "soundfw.detect.detector.EventDetector is the definition: scores, events and times are equal.")
        .def("step", &Detector::step, nb::arg("now"),
             "Process the stream's newest step, which ended at sample now; return how many classes changed.")
        .def("close", &Detector::close, nb::arg("now"),
             "End the events that are still on, because the sound has ended; return how many classes changed.")
        .def_prop_ro("scores", &detector_view<&sc_detector_outputs_t::scores>, "Scores in 1/1000, uint16 (classes,), live.")
        .def_prop_ro("edge", &detector_view<&sc_detector_outputs_t::edge>,
                     "What the last call changed, uint8 (classes,), live: 0 nothing, 1 an event began, 2 it ended.")
        .def_prop_ro("id", &detector_view<&sc_detector_outputs_t::id>,
                     "The number of each class's newest event, uint32 (classes,), live.")
        .def_prop_ro("ago", &detector_view<&sc_detector_outputs_t::ago>,
                     "How long before now the newest edge was, in samples, int32 (classes,), live; valid where edge is not 0.")
        .def_prop_ro("peak", &detector_view<&sc_detector_outputs_t::peak>,
                     "The highest score of each class's event so far, in 1/1000, uint16 (classes,), live.");

    nb::class_<SoundLevel>(m, "SoundLevel", "The level of the sound in dB relative to a full-scale sine, from one sample in 64.")
        .def(nb::init<>())
        .def("add", &SoundLevel::add, nb::arg("block"), "Add a block of int16 samples that follows the last one.")
        .def("read", &SoundLevel::read,
             "Return tenths of dBFS since the last read, -1200 for silence; over a long time the recent sound counts for more.");

    const sc_i2s_unpack_settings_t &unpack = sc_i2s_unpack_defaults;
    nb::class_<I2sUnpacker>(
        m, "I2sUnpacker",
        "Convert what an I2S microphone or an ADC delivers to int16 samples: one channel of each frame, gain, no DC.\n\n"
        "Settings (all int): bits 24 or 32 (signed, left-justified in slots of 4 bytes), 16 (signed, in 2 bytes) or 12\n"
        "(unsigned, in 2 bytes), little-endian; channel of channels (1 or 2 slots to a frame); shift 0..8, gain in steps\n"
        "of 6.02 dB, saturating; dc_shift 0, or 4..11 for a one-pole high-pass with its corner at\n"
        "rate / (2 pi 2^dc_shift). Raises Error('i2s.*') and Error('gain.*') for settings outside these ranges.")
        .def(
            "__init__",
            [](I2sUnpacker *self, int bits, int shift, int channel, int channels, int dc_shift) {
                new (self) I2sUnpacker(sc_i2s_unpack_settings_t{bits, shift, channel, channels, dc_shift});
            },
            nb::kw_only(), nb::arg("bits") = unpack.bits, nb::arg("shift") = unpack.shift,
            nb::arg("channel") = unpack.channel, nb::arg("channels") = unpack.channels,
            nb::arg("dc_shift") = unpack.dc_shift)
        .def("convert", &I2sUnpacker::convert, nb::arg("raw"), nb::arg("out"),
             "Convert the frames in raw (bytes-like) to samples in out (array('h')) and return how many.\n\n"
             "Raises Error('gain.room') and takes nothing if out holds too few.")
        .def("reset", &I2sUnpacker::reset, "Forget the DC level.");

    nb::class_<Pdm>(
        m, "Pdm",
        "Convert pulse-density modulation at 64 times the sample rate to int16 samples; a stream of ones is full scale.\n\n"
        "shift and dc_shift as for I2sUnpacker. The level is right within 0.1 dB up to 7 kHz at a sample rate of 16 kHz.")
        .def(
            "__init__",
            [](Pdm *self, int shift, int dc_shift) { new (self) Pdm(sc_pdm_settings_t{shift, dc_shift}); },
            nb::kw_only(), nb::arg("shift") = sc_pdm_defaults.shift, nb::arg("dc_shift") = sc_pdm_defaults.dc_shift)
        .def("convert", &Pdm::convert, nb::arg("raw"), nb::arg("out"),
             "Convert the bits in raw to samples in out (array('h')) and return how many.\n\n"
             "raw (bytes-like): little-endian words of 32 bits, the oldest bit the most significant, 8 bytes to a sample.\n"
             "Raises Error('gain.room') and takes nothing if out holds too few.")
        .def("reset", &Pdm::reset, "Forget all bits.");

    m.def("operators", &operators, nb::arg("buf"),
          "Return a model's operators in the order they run, each as (name, shape of the output, multiply-\n"
          "accumulates, function of the core that computes it, calls of that function in one step).\n\n"
          "Raises Error('model.*') as Model does. Not in MicroPython.");
    m.def("adpcm_encode", &adpcm_encode, nb::arg("pcm"), nb::arg("out"), nb::arg("bits") = 4,
          "Encode 1..65535 int16 samples as one piece of sound for the wire (adpcm.h) in out and return its bytes.\n\n"
          "bits: 3, 4 or 5 per sample. A piece is decoded without any other. Raises Error('adpcm.*').");
    m.def("adpcm_decode", &adpcm_decode, nb::arg("data"), nb::arg("out"),
          "Decode a piece into out (int16) and return the number of samples. Raises Error('adpcm.*') for other bytes.");
}

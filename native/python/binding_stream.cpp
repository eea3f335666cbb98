// Programs, streams and pools of streams for Python. What users call is gatewise.streaming, a thin layer over this.
#include "python/binding_stream.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cerrno>
#include <cmath>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/costs.h"
#include "cells/named.h"
#include "stream/functions.h"
#include "stream/ops/activate.h"
#include "stream/ops/convolution.h"
#include "stream/ops/dense.h"
#include "stream/ops/embedding.h"
#include "stream/ops/mask.h"
#include "stream/ops/merge.h"
#include "stream/ops/normalize.h"
#include "stream/ops/recurrent.h"
#include "stream/pool.h"
#include "stream/program.h"
#include "stream/session.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gatewise::stream {
namespace {

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Ids = nb::ndarray<const std::int64_t, nb::c_contig, nb::device::cpu>;
using MaybeFloats = std::optional<Floats>;

Index length(const Floats& array) { return static_cast<Index>(array.size()); }

Index size_of(const Floats& array, std::size_t axis) { return static_cast<Index>(array.shape(axis)); }

std::vector<float> numbers(const Floats& array) { return {array.data(), array.data() + array.size()}; }

const float* data_or_null(const MaybeFloats& array) { return array ? array->data() : nullptr; }

void want(bool right, const char* what) {
  if (!right) throw std::invalid_argument(std::string("a program: ") + what);
}

// Makes a Program, one operation after the other; each returns the number of the value or mask that it makes.
class Builder {
 public:
  Builder() : program_(std::make_shared<Program>()) {}

  std::shared_ptr<const Program> program() const { return program_; }
  Index record() const { return program_->record(); }
  double work() const { return program_->work(); }

  int input(Index width, bool ids) { return program_->add_input(width, ids); }
  void output(int value) { program_->add_output(value); }
  Index state(Index width) { return program_->add_state(width); }
  void go_by_steps() { program_->go_by_steps(); }

  int dense(int x, const Floats& kernel, const MaybeFloats& bias) {
    want(kernel.ndim() == 2 && (!bias || length(*bias) == size_of(kernel, 1)), "a kernel is (I, U) and its bias (U,)");
    const Index inputs = size_of(kernel, 0);
    const Index units = size_of(kernel, 1);
    const Index groups = periods(x, inputs);
    const int y = program_->add_value(groups * units);
    program_->add(std::make_unique<Dense>(x, y, groups, kernel.data(), data_or_null(bias), inputs, units));
    return y;
  }

  // The value and the place of its state in the record.
  std::pair<int, Index> recurrence(int x, int mask, const std::string& cell_name, const Floats& kernel,
                                   const Floats& recurrent_kernel, const MaybeFloats& bias,
                                   const std::string& activation, const std::string& recurrent_activation,
                                   bool zero_masked, const std::string& precision) {
    want(precision == "float32" || precision == "bfloat16", "the known precisions are float32 and bfloat16");
    const Cell cell = cell_named(cell_name);
    const Index units = size_of(recurrent_kernel, 0);
    const Index columns = gates_of(cell) * units;
    want(kernel.ndim() == 2 && recurrent_kernel.ndim() == 2 && size_of(kernel, 1) == columns &&
             size_of(recurrent_kernel, 1) == columns && program_->width(x) == size_of(kernel, 0),
         "kernels are (I, gH) and (H, gH)");
    const Sizes sizes{size_of(kernel, 0), units};
    want(!bias || length(*bias) == numbers_of(cell, kBiasAt, sizes), "the bias does not fit");
    const Weights<float> weights{{kernel.data(), recurrent_kernel.data(), data_or_null(bias)}};
    gatewise::Recurrence<float> packed(cell, sizes, weights, activation_named(activation),
                                       activation_named(recurrent_activation), precision == "bfloat16");
    const int y = program_->add_value(units);
    const Index offset = program_->add_state(units * states_of(cell));
    program_->add(std::make_unique<Recurrent>(x, y, checked_mask(mask), offset, zero_masked, std::move(packed)));
    return {y, offset};
  }

  int take_state(Index offset, Index width) {
    want(offset >= 0 && width > 0 && offset + width <= program_->record(), "there is no such state");
    const int y = program_->add_value(width);
    program_->add(std::make_unique<TakeState>(y, offset, width));
    return y;
  }

  std::pair<int, Index> convolution(int x, const Floats& kernel, const MaybeFloats& bias, Index dilation,
                                    Index groups) {
    want(kernel.ndim() == 3 && dilation >= 1 && groups >= 1, "a kernel is (K, I / groups, F)");
    ConvolutionShape shape;
    shape.taps = size_of(kernel, 0);
    shape.inputs = size_of(kernel, 1) * groups;
    shape.filters = size_of(kernel, 2);
    shape.dilation = dilation;
    shape.groups = groups;
    want(program_->width(x) == shape.inputs && shape.filters % groups == 0 && (!bias || length(*bias) == shape.filters),
         "the convolution's sizes do not fit");
    const int y = program_->add_value(shape.filters);
    const Index offset = program_->add_state(shape.past() * shape.inputs);
    program_->add(std::make_unique<Convolution>(x, y, offset, shape, kernel.data(), data_or_null(bias)));
    return {y, offset};
  }

  int embedding(int ids, const Floats& table, const std::string& label) {
    want(table.ndim() == 2 && program_->is_ids(ids), "an embedding is a table (N, D) for ids");
    const Index width = program_->width(ids);
    const int y = program_->add_value(width * size_of(table, 1));
    program_->limit_ids(ids, size_of(table, 0), label);
    program_->add(std::make_unique<Embedding>(ids, y, width, table.data(), size_of(table, 0), size_of(table, 1)));
    return y;
  }

  // `in_place` says that nothing else reads x.
  int activation(int x, const std::string& name, const std::vector<double>& parameters, bool in_place) {
    const Index width = program_->width(x);
    const int y = in_place ? x : program_->add_value(width);
    Parameters all;
    if (!parameters.empty()) all.a = parameters[0];
    if (parameters.size() > 1) all.b = parameters[1];
    if (parameters.size() > 2) all.c = parameters[2];
    if (const Function function = function_named(name);
        function != nullptr && !(name == "relu" && parameters.empty())) {
      program_->add(std::make_unique<Apply>(x, y, width, function, all));
    } else {
      program_->add(std::make_unique<Activate>(x, y, width, activation_named(name)));
    }
    return y;
  }

  int softmax(int x, Index size, bool log) {
    periods(x, size);
    const int y = program_->add_value(program_->width(x));
    program_->add(std::make_unique<Softmax>(x, y, program_->width(x), size, log));
    return y;
  }

  int prelu(int x, const Floats& alpha) {
    want(program_->width(x) == length(alpha), "alpha does not fit");
    const int y = program_->add_value(program_->width(x));
    program_->add(std::make_unique<PRelu>(x, y, numbers(alpha)));
    return y;
  }

  int scale_shift(int x, const Floats& scale, const Floats& shift) {
    want(length(scale) == length(shift), "scale and shift differ in size");
    periods(x, length(scale));
    const int y = program_->add_value(program_->width(x));
    program_->add(std::make_unique<ScaleShift>(x, y, program_->width(x), numbers(scale), numbers(shift)));
    return y;
  }

  int layer_norm(int x, double epsilon, const Floats& gamma, const Floats& beta) {
    want(length(gamma) == length(beta), "gamma and beta differ in size");
    const Index groups = periods(x, length(gamma));
    const int y = program_->add_value(program_->width(x));
    program_->add(std::make_unique<LayerNorm>(x, y, groups, epsilon, numbers(gamma), numbers(beta)));
    return y;
  }

  int merge(const std::string& kind, const std::vector<int>& inputs) {
    static const std::pair<const char*, Merging> kinds[] = {
        {"add", Merging::add},         {"subtract", Merging::subtract}, {"multiply", Merging::multiply},
        {"average", Merging::average}, {"maximum", Merging::maximum},   {"minimum", Merging::minimum}};
    want(!inputs.empty(), "nothing to merge");
    const Index width = program_->width(inputs[0]);
    for (const int x : inputs) want(program_->width(x) == width, "merged values differ in width");
    for (const auto& [name, merging] : kinds) {
      if (kind != name) continue;
      const int y = program_->add_value(width);
      program_->add(std::make_unique<Merge>(merging, inputs, y, width));
      return y;
    }
    throw std::invalid_argument("unknown merge \"" + kind + "\"");
  }

  int concatenate(const std::vector<int>& inputs, Index outer) {
    std::vector<Index> sizes;
    Index total = 0;
    for (const int x : inputs) {
      want(outer > 0 && program_->width(x) % outer == 0, "joined values do not fit");
      sizes.push_back(program_->width(x) / outer);
      total += program_->width(x);
    }
    const int y = program_->add_value(total);
    program_->add(std::make_unique<Concatenate>(inputs, std::move(sizes), y, outer));
    return y;
  }

  int mask_zero(int ids) {
    want(program_->is_ids(ids) && program_->width(ids) == 1, "a mask needs one id a step");
    const int mask = program_->add_mask();
    program_->add(std::make_unique<MaskZero>(ids, mask));
    return mask;
  }

  std::pair<int, int> masking(int x, float value) {
    const Index width = program_->width(x);
    const int y = program_->add_value(width);
    const int mask = program_->add_mask();
    program_->add(std::make_unique<Masking>(x, y, mask, width, value));
    return {y, mask};
  }

  int combine_masks(int first, int second, bool any) {
    want(first >= 0 && second >= 0, "a mask is missing");
    const int mask = program_->add_mask();
    program_->add(std::make_unique<CombineMasks>(checked_mask(first), checked_mask(second), mask, any));
    return mask;
  }

 private:
  // How often `size` goes into the value.
  Index periods(int x, Index size) const {
    want(size > 0 && program_->width(x) % size == 0 && !program_->is_ids(x), "an operation does not fit its input");
    return program_->width(x) / size;
  }

  int checked_mask(int mask) const {
    want(mask >= -1 && mask < program_->masks(), "there is no such mask");
    return mask;
  }

  std::shared_ptr<Program> program_;
};

// New arrays come from numpy.empty: cheaper than a capsule that owns memory, and they are NumPy's like any other.
class NewArray {
 public:
  NewArray()
      : empty_(nb::module_::import_("numpy").attr("empty")),
        float32_(nb::module_::import_("numpy").attr("dtype")("float32")) {}

  std::pair<nb::object, float*> operator()(nb::handle shape) const {
    PyObject* arguments[] = {shape.ptr(), float32_.ptr()};
    nb::object array = nb::steal(PyObject_Vectorcall(empty_.ptr(), arguments, 2, nullptr));
    if (!array.is_valid()) nb::raise_python_error();
    Py_buffer view;
    if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_SIMPLE | PyBUF_WRITABLE) != 0) nb::raise_python_error();
    auto* data = static_cast<float*>(view.buf);
    PyBuffer_Release(&view);
    return {std::move(array), data};
  }

 private:
  nb::object empty_;
  nb::object float32_;
};

// Runs `work` under the lock; without the GIL where it is long, or where the lock has to be waited for.
template <class Work>
void locked(ForkLock& lock, bool is_long, Work work) {
  if (!is_long && lock.try_lock()) {
    const std::lock_guard<ForkLock> hold(lock, std::adopt_lock);
    work();
    return;
  }
  const nb::gil_scoped_release release;
  const std::lock_guard<ForkLock> hold(lock);
  work();
}

// The arrays of a call as pointers. An input is (rows, width), of floats or of ids.
class Arrays {
 public:
  Arrays(const Program& program, const NewArray& make, nb::list inputs, Index rows) : outputs(nb::list()) {
    const auto& wanted = program.inputs();
    want(inputs.size() == wanted.size(), "a wrong number of inputs came");
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].ids) {
        ids_.push_back(nb::cast<Ids>(inputs[i], false));
        take(ids_.back(), rows * wanted[i].width);
      } else {
        floats_.push_back(nb::cast<Floats>(inputs[i], false));
        take(floats_.back(), rows * wanted[i].width);
      }
    }
    for (const auto& output : program.outputs()) {
      auto [array, data] = make(nb::make_tuple(rows, output.width));
      outputs.append(array);
      output_data.push_back(data);
    }
  }

  std::vector<const void*> input_data;
  std::vector<float*> output_data;
  nb::list outputs;

 private:
  template <class A>
  void take(const A& array, Index size) {
    want(static_cast<Index>(array.size()) == size, "an input of a wrong size came");
    input_data.push_back(array.data());
  }

  std::vector<Ids> ids_;
  std::vector<Floats> floats_;
};

// One array of a push as its buffer says it is.
class View {
 public:
  explicit View(nb::handle array) {
    there_ = PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
    if (!there_) PyErr_Clear();
  }
  ~View() {
    if (there_) PyBuffer_Release(&view_);
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  bool holds(char type) const {
    return there_ && view_.format != nullptr && view_.format[0] == type && view_.format[1] == 0;
  }
  const void* data() const { return view_.buf; }
  int axes() const { return view_.ndim; }

  // Whether the sizes from axis `first` on are these.
  bool has_sizes(int first, const std::vector<Index>& sizes) const {
    if (view_.ndim != first + static_cast<int>(sizes.size())) return false;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (view_.shape[first + static_cast<int>(i)] != sizes[i]) return false;
    }
    return true;
  }
  Index size(int axis) const { return view_.shape[axis]; }

 private:
  Py_buffer view_{};
  bool there_ = false;
};

constexpr double kLongWork = 1e5;  // multiply-adds that are worth giving the GIL away for

class BoundSession {
 public:
  // in_shape and out_shape are those of one step of the only input and the only output; `other` is called with this
  // object and x for whatever push does not take by itself.
  BoundSession(const Builder& builder, Index batch, std::vector<Index> in_shape, const std::vector<Index>& out_shape,
               nb::object other)
      : session_(builder.program(), batch), in_shape_(std::move(in_shape)), other_(std::move(other)) {
    const Program& program = session_.program();
    simple_ = program.inputs().size() == 1 && program.outputs().size() == 1 && !program.inputs()[0].ids;
    nb::list sizes;
    for (const Index size : out_shape) sizes.append(size);
    single_ = nb::tuple(sizes);
    sizes.insert(0, batch);
    batched_ = nb::tuple(sizes);
  }

  Index batch() const { return session_.batch(); }

  nb::object push(nb::handle x) {
    if (simple_) {
      const View view(x);
      if (view.holds('f')) {
        if (view.axes() > 0 && view.size(0) == session_.batch() && view.has_sizes(1, in_shape_)) {
          return step(view.data(), batched_);
        }
        if (session_.batch() == 1 && view.has_sizes(0, in_shape_)) return step(view.data(), single_);
      }
    }
    return other_(nb::find(*this), x);
  }

  nb::list run(nb::list inputs, Index steps) {
    Arrays arrays(session_.program(), make_, std::move(inputs), session_.batch() * steps);
    locked(session_.lock(), is_long(steps),
           [&] { session_.push(arrays.input_data.data(), arrays.output_data.data(), steps); });
    return arrays.outputs;
  }

  nb::object read() {
    auto [array, data] = make_(nb::make_tuple(session_.batch(), session_.program().record()));
    locked(session_.lock(), false, [this, to = data] { session_.read(to); });
    return array;
  }

  void write(const Floats& states) {
    want(length(states) == session_.batch() * session_.program().record(), "states of a wrong size came");
    locked(session_.lock(), false, [&] { session_.write(states.data()); });
  }

  void reset() {
    locked(session_.lock(), false, [this] { session_.reset(); });
  }

 private:
  bool is_long(Index steps) const {
    return session_.program().work() * static_cast<double>(session_.batch() * steps) > kLongWork;
  }

  nb::object step(const void* x, nb::handle shape) {
    auto [array, data] = make_(shape);
    locked(session_.lock(), is_long(1), [this, x, to = data]() mutable { session_.push(&x, &to, 1); });
    return array;
  }

  Session session_;
  std::vector<Index> in_shape_;
  nb::object other_;
  nb::object single_;
  nb::object batched_;
  NewArray make_;
  bool simple_ = false;
};

std::vector<char> bytes_of(const nb::bytes& bytes) {
  const auto* at = static_cast<const char*>(bytes.data());
  return {at, at + bytes.size()};
}

class BoundPool {
 public:
  BoundPool(const Builder& builder, Index capacity) : pool_(builder.program(), capacity) {}

  Index capacity() const { return pool_.records().capacity(); }

  Index size() const {
    Index size = 0;
    locked(pool_.lock(), false, [&] { size = pool_.records().size(); });
    return size;
  }

  bool contains(std::int64_t id) const {
    bool found = false;
    locked(pool_.lock(), false, [&] { found = pool_.records().contains(id); });
    return found;
  }

  void use(const Builder& builder) {
    want(builder.record() == pool_.program().record(), "the records of two programs differ");
    locked(pool_.lock(), true, [&] { pool_.use(builder.program()); });
  }

  void add(const Ids& ids) {
    locked(pool_.lock(), true, [&] { pool_.records().add(ids.data(), count(ids)); });
  }
  void drop(const Ids& ids) {
    locked(pool_.lock(), true, [&] { pool_.records().drop(ids.data(), count(ids)); });
  }
  void reset(const Ids& ids) {
    locked(pool_.lock(), true, [&] { pool_.reset(ids.data(), count(ids)); });
  }

  nb::list push(const Ids& ids, nb::list inputs) {
    Arrays arrays(pool_.program(), make_, std::move(inputs), count(ids));
    locked(pool_.lock(), true,
           [&] { pool_.push(ids.data(), count(ids), arrays.input_data.data(), arrays.output_data.data()); });
    return arrays.outputs;
  }

  nb::object read(const Ids& ids) {
    auto [array, data] = make_(nb::make_tuple(count(ids), pool_.program().record()));
    locked(pool_.lock(), true, [this, &ids, to = data] { pool_.read(ids.data(), count(ids), to); });
    return array;
  }

  void write(const Ids& ids, const Floats& states) {
    want(length(states) == count(ids) * pool_.program().record(), "states of a wrong size came");
    locked(pool_.lock(), true, [&] { pool_.write(ids.data(), count(ids), states.data()); });
  }

  // The ids as bytes of int64: the number of streams is only sure under the lock.
  nb::bytes ids() const {
    std::vector<std::int64_t> all;
    locked(pool_.lock(), true, [&] {
      all.resize(static_cast<std::size_t>(pool_.records().size()));
      Index written = 0;
      pool_.records().list(0, static_cast<Index>(all.size()), all.data(), nullptr, &written);
    });
    return nb::bytes(all.data(), all.size() * sizeof(std::int64_t));
  }

  void dump(int file, const nb::bytes& header) const {
    const std::vector<char> start = bytes_of(header);
    with_errors([&] { locked(pool_.lock(), true, [&] { pool_.dump(file, start); }); });
  }

  void load(int file, const nb::bytes& header) {
    const std::vector<char> start = bytes_of(header);
    with_errors([&] { locked(pool_.lock(), true, [&] { pool_.load(file, start); }); });
  }

 private:
  static Index count(const Ids& ids) { return static_cast<Index>(ids.size()); }

  // What the system refuses is an OSError.
  template <class Work>
  static void with_errors(Work work) {
    try {
      work();
    } catch (const std::system_error& error) {
      errno = error.code().value();
      PyErr_SetFromErrno(PyExc_OSError);
      nb::raise_python_error();
    }
  }

  Pool pool_;
  NewArray make_;
};

void bind_program(nb::module_& module) {
  nb::class_<Builder>(module, "Program", "A model as a list of operations that advance many streams by some steps.")
      .def(nb::init<>())
      .def_prop_ro("record", &Builder::record, "Floats of one stream's state.")
      .def_prop_ro("work", &Builder::work, "Multiply-adds of one step of one stream, more or less.")
      .def("input", &Builder::input, "width"_a, "ids"_a)
      .def("output", &Builder::output, "value"_a)
      .def("state", &Builder::state, "width"_a)
      .def("go_by_steps", &Builder::go_by_steps)
      .def("dense", &Builder::dense, "x"_a, "kernel"_a, "bias"_a.none())
      .def(
          "recurrence",
          [](Builder& self, int x, int mask, const std::string& cell, const Floats& kernel,
             const Floats& recurrent_kernel, const MaybeFloats& bias, const std::string& activation,
             const std::string& recurrent_activation, bool zero_masked, const std::string& precision) {
            const auto made = self.recurrence(x, mask, cell, kernel, recurrent_kernel, bias, activation,
                                              recurrent_activation, zero_masked, precision);
            return nb::make_tuple(made.first, made.second);
          },
          "x"_a, "mask"_a, "cell"_a, "kernel"_a, "recurrent_kernel"_a, "bias"_a.none(), "activation"_a,
          "recurrent_activation"_a, "zero_masked"_a, "precision"_a = "float32")
      .def("take_state", &Builder::take_state, "offset"_a, "width"_a)
      .def(
          "convolution",
          [](Builder& self, int x, const Floats& kernel, const MaybeFloats& bias, Index dilation, Index groups) {
            const auto made = self.convolution(x, kernel, bias, dilation, groups);
            return nb::make_tuple(made.first, made.second);
          },
          "x"_a, "kernel"_a, "bias"_a.none(), "dilation"_a, "groups"_a)
      .def("embedding", &Builder::embedding, "ids"_a, "table"_a, "label"_a)
      .def("activation", &Builder::activation, "x"_a, "name"_a, "parameters"_a, "in_place"_a)
      .def("softmax", &Builder::softmax, "x"_a, "size"_a, "log"_a)
      .def("prelu", &Builder::prelu, "x"_a, "alpha"_a)
      .def("scale_shift", &Builder::scale_shift, "x"_a, "scale"_a, "shift"_a)
      .def("layer_norm", &Builder::layer_norm, "x"_a, "epsilon"_a, "gamma"_a, "beta"_a)
      .def("merge", &Builder::merge, "kind"_a, "inputs"_a)
      .def("concatenate", &Builder::concatenate, "inputs"_a, "outer"_a)
      .def("mask_zero", &Builder::mask_zero, "ids"_a)
      .def(
          "masking",
          [](Builder& self, int x, float value) {
            const auto made = self.masking(x, value);
            return nb::make_tuple(made.first, made.second);
          },
          "x"_a, "value"_a)
      .def("combine_masks", &Builder::combine_masks, "first"_a, "second"_a, "any"_a);
}

}  // namespace

void bind_stream(nb::module_& module) {
  bind_program(module);
  nb::exception<UnknownStream>(module, "UnknownStreamError", PyExc_ValueError);

  nb::class_<BoundSession>(module, "Session", "Streams that advance together.")
      .def(nb::init<const Builder&, Index, std::vector<Index>, const std::vector<Index>&, nb::object>(), "program"_a,
           "batch"_a, "in_shape"_a, "out_shape"_a, "other"_a)
      .def_prop_ro("batch", &BoundSession::batch)
      .def("push", &BoundSession::push, "x"_a, "One step.")
      .def("run", &BoundSession::run, "inputs"_a, "steps"_a, "Some steps: arrays (B T, width) to arrays (B T, width).")
      .def("read", &BoundSession::read, "The states (B, record).")
      .def("write", &BoundSession::write, "states"_a)
      .def("reset", &BoundSession::reset);

  nb::class_<BoundPool>(module, "Pool", "Many streams, each advanced when its turn comes.")
      .def(nb::init<const Builder&, Index>(), "program"_a, "capacity"_a)
      .def_prop_ro("capacity", &BoundPool::capacity)
      .def("__len__", &BoundPool::size)
      .def("__contains__", &BoundPool::contains, "id"_a)
      .def("use", &BoundPool::use, "program"_a, "Advance by another program from now on, of the same record.")
      .def("add", &BoundPool::add, "ids"_a)
      .def("drop", &BoundPool::drop, "ids"_a)
      .def("reset", &BoundPool::reset, "ids"_a)
      .def("push", &BoundPool::push, "ids"_a, "inputs"_a, "One step: arrays (n, width) to arrays (n, width).")
      .def("read", &BoundPool::read, "ids"_a)
      .def("write", &BoundPool::write, "ids"_a, "states"_a)
      .def("ids", &BoundPool::ids, "All ids, as the bytes of int64.")
      .def("dump", &BoundPool::dump, "file"_a, "header"_a)
      .def("load", &BoundPool::load, "file"_a, "header"_a);
}

}  // namespace gatewise::stream

// B streams that advance together, for Python.
#include <nanobind/stl/vector.h>

#include <tuple>
#include <utility>
#include <vector>

#include "python/binding_stream.h"
#include "python/interruptible.h"
#include "stream/builder.h"
#include "stream/costs.h"
#include "stream/session.h"

using namespace nanobind::literals;

namespace gatewise::stream {
namespace {

// One array of a push as its buffer says it is.
class Pushed {
 public:
  explicit Pushed(nb::handle array) {
    there_ = PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
    if (!there_) PyErr_Clear();
  }
  ~Pushed() {
    if (there_) PyBuffer_Release(&view_);
  }
  Pushed(const Pushed&) = delete;
  Pushed& operator=(const Pushed&) = delete;

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

class BoundSession {
 public:
  // in_shape and out_shape are those of one step of the only input and the only output; `other` is called with this
  // object and x for whatever push does not take by itself.
  BoundSession(Builder& builder, Index batch, std::vector<Index> in_shape, const std::vector<Index>& out_shape,
               nb::object other)
      : layout_(builder.finish()), session_(layout_, batch), in_shape_(std::move(in_shape)), other_(std::move(other)) {
    simple_ = layout_->inputs().size() == 1 && layout_->outputs().size() == 1 && !layout_->inputs()[0].ids;
    nb::list sizes;
    for (const Index size : out_shape) sizes.append(size);
    single_ = nb::tuple(sizes);
    sizes.insert(0, batch);
    batched_ = nb::tuple(sizes);
  }

  Index batch() const { return session_.batch(); }

  nb::object push(nb::handle x) {
    if (simple_ && !may_hide(x)) {
      const Pushed array(x);
      if (array.holds('f')) {
        if (array.axes() > 0 && array.size(0) == session_.batch() && array.has_sizes(1, in_shape_)) {
          return step(array.data(), batched_);
        }
        if (session_.batch() == 1 && array.has_sizes(0, in_shape_)) return step(array.data(), single_);
      }
    }
    return other_(nb::find(*this), x);
  }

  nb::list run(nb::list inputs, Index steps) {
    Arrays arrays(*layout_, make_, std::move(inputs), session_.batch() * steps);
    advance(arrays.input_data.data(), arrays.output_data.data(), steps);
    return arrays.outputs;
  }

  nb::object read() {
    auto [array, data] = make_({session_.batch(), layout_->record()});
    locked(session_.lock(), false, [this, to = data] { session_.read(to); });
    return array;
  }

  void write(const Floats& states) {
    want_size(static_cast<Index>(states.size()) == session_.batch() * layout_->record(), "states");
    locked(session_.lock(), false, [&] { session_.write(states.data()); });
  }

  void reset() {
    locked(session_.lock(), false, [this] { session_.reset(); });
  }

  void use(Builder& builder) {
    std::shared_ptr<const Program> program = builder.finish();
    if (program->record() != layout_->record()) throw std::invalid_argument("the records of two programs differ");
    locked(session_.lock(), false, [&] { session_.use(std::move(program)); });
  }

 private:
  // Whether x is a masked array (numpy.ma), whose buffer shows what it hides.
  bool may_hide(nb::handle x) const { return !x.type().is(plain_array_) && nb::hasattr(x, "filled"); }

  bool is_long(Index steps) const {
    return layout_->work() * static_cast<double>(session_.batch() * steps) > costs::kLongWork;
  }

  void advance(const void* const* inputs, float* const* outputs, Index steps) {
    const auto work = [&] { session_.push(inputs, outputs, steps); };
    if (!is_long(steps)) return locked(session_.lock(), false, work);
    interruptibly([&] {
      const std::lock_guard<ForkLock> hold(session_.lock());
      work();
    });
  }

  nb::object step(const void* x, nb::handle shape) {
    nb::object array;
    float* data = nullptr;
    std::tie(array, data) = make_(shape);
    advance(&x, &data, 1);
    return array;
  }

  std::shared_ptr<const Program> layout_;  // the first program, whose sizes all others have
  Session session_;
  std::vector<Index> in_shape_;
  nb::object other_;
  nb::object single_;
  nb::object batched_;
  NewFloats make_;
  nb::object plain_array_ = nb::module_::import_("numpy").attr("ndarray");
  bool simple_ = false;
};

}  // namespace

void bind_session(nb::module_& module) {
  nb::class_<BoundSession>(module, "Session", "Streams that advance together.")
      .def(nb::init<Builder&, Index, std::vector<Index>, const std::vector<Index>&, nb::object>(), "program"_a,
           "batch"_a, "in_shape"_a, "out_shape"_a, "other"_a)
      .def_prop_ro("batch", &BoundSession::batch)
      .def("push", &BoundSession::push, "x"_a, "One step.")
      .def("run", &BoundSession::run, "inputs"_a, "steps"_a, "Some steps: arrays (B T, width) to arrays (B T, width).")
      .def("read", &BoundSession::read, "The states (B, record).")
      .def("write", &BoundSession::write, "states"_a)
      .def("reset", &BoundSession::reset)
      .def("use", &BoundSession::use, "program"_a, "Advance by another program from now on, of the same record.");
}

}  // namespace gatewise::stream

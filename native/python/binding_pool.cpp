// Many streams, each advanced when its turn comes, for Python.
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "python/binding_stream.h"
#include "stream/builder.h"
#include "stream/pool.h"

using namespace nanobind::literals;

namespace gatewise::stream {
namespace {

std::vector<char> bytes_of(const nb::bytes& bytes) {
  const auto* at = static_cast<const char*>(bytes.data());
  return {at, at + bytes.size()};
}

class BoundPool {
 public:
  BoundPool(Builder& builder, Index capacity) : layout_(builder.finish()), pool_(layout_, capacity) {}

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

  void use(Builder& builder) {
    std::shared_ptr<const Program> program = builder.finish();
    if (program->record() != layout_->record()) {
      throw std::invalid_argument("the records of two programs differ");
    }
    locked(pool_.lock(), true, [&] { pool_.use(std::move(program)); });
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
    Arrays arrays(*layout_, make_, std::move(inputs), count(ids));
    locked(pool_.lock(), true,
           [&] { pool_.push(ids.data(), count(ids), arrays.input_data.data(), arrays.output_data.data()); });
    return arrays.outputs;
  }

  nb::object read(const Ids& ids) {
    auto [array, data] = make_({count(ids), layout_->record()});
    locked(pool_.lock(), true, [this, &ids, to = data] { pool_.read(ids.data(), count(ids), to); });
    return array;
  }

  void write(const Ids& ids, const Floats& states) {
    want_size(static_cast<Index>(states.size()) == count(ids) * layout_->record(), "states");
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

  std::shared_ptr<const Program> layout_;  // the first program, whose sizes all others have
  Pool pool_;
  NewFloats make_;
};

}  // namespace

void bind_pool(nb::module_& module) {
  nb::exception<UnknownStream>(module, "UnknownStreamError", PyExc_ValueError);
  nb::class_<BoundPool>(module, "Pool", "Many streams, each advanced when its turn comes.")
      .def(nb::init<Builder&, Index>(), "program"_a, "capacity"_a)
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

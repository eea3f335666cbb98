// Many streams, each advanced when its turn comes, for Python.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
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

// One id of Python's, whose letters stay Python's.
Id id_of(nb::handle object) {
  PyObject* const it = object.ptr();
  Id id;
  if (PyLong_Check(it) && !PyBool_Check(it)) {
    int beyond = 0;
    const long long number = PyLong_AsLongLongAndOverflow(it, &beyond);
    if (beyond != 0)
      throw std::invalid_argument("an integer must be from -2**63 to 2**63 - 1, got " +
                                  std::string(nb::str(object).c_str()));
    return Id(number);
  }
  Py_ssize_t size = 0;
  if (PyUnicode_Check(it)) {
    const char* letters = PyUnicode_AsUTF8AndSize(it, &size);
    if (letters == nullptr) nb::raise_python_error();
    id = Id(Kind::text, letters, static_cast<std::size_t>(size));
  } else if (PyBytes_Check(it)) {
    id = Id(Kind::bytes, PyBytes_AS_STRING(it), static_cast<std::size_t>(PyBytes_GET_SIZE(it)));
  } else {
    throw nb::type_error((std::string("an id is an integer, a str or bytes, got ") + nb::repr(object).c_str()).c_str());
  }
  if (id.size > Id::kLongest) {
    throw std::invalid_argument("a name must have at most " + std::to_string(Id::kLongest) + " bytes, got " +
                                std::to_string(id.size) + ": " + id.shown());
  }
  return id;
}

// The ids of a call: an array of int64, or a tuple of integers, str and bytes. A tuple keeps its names alive.
class Given {
 public:
  explicit Given(nb::object ids) : held_(std::move(ids)) {
    if (!PyTuple_Check(held_.ptr())) {
      numbers_ = nb::cast<Integers>(held_, false);
      return;
    }
    any_.emplace();
    any_->reserve(nb::len(held_));
    for (const nb::handle each : nb::borrow<nb::tuple>(held_)) any_->push_back(id_of(each));
  }

  Ids ids() const {
    return any_ ? Ids(any_->data(), static_cast<Index>(any_->size()))
                : Ids(numbers_.data(), static_cast<Index>(numbers_.size()));
  }
  Index count() const { return ids().size(); }

 private:
  nb::object held_;
  Integers numbers_;
  std::optional<std::vector<Id>> any_;
};

// Ids for Python: the bytes of int64 where all are integers, else a list.
nb::object shown(const IdList& ids) {
  if (ids.all_numbers()) {
    std::vector<std::int64_t> numbers;
    numbers.reserve(static_cast<std::size_t>(ids.size()));
    for (Index i = 0; i < ids.size(); ++i) numbers.push_back(ids[i].number);
    return nb::bytes(numbers.data(), numbers.size() * sizeof(std::int64_t));
  }
  nb::list list;
  for (Index i = 0; i < ids.size(); ++i) {
    const Id id = ids[i];
    switch (id.kind) {
      case Kind::integer:
        list.append(id.number);
        break;
      case Kind::text:
        list.append(nb::str(id.letters, id.size));
        break;
      case Kind::bytes:
        list.append(nb::bytes(id.letters, id.size));
        break;
    }
  }
  return list;
}

// What the system refuses is an OSError.
template <class Work>
void with_errors(Work work) {
  try {
    const nb::gil_scoped_release release;
    work();
  } catch (const std::system_error& error) {
    errno = error.code().value();
    PyErr_SetFromErrno(PyExc_OSError);
    nb::raise_python_error();
  }
}

Unknown unknown(bool add) { return add ? Unknown::added : Unknown::refused; }

class BoundPool {
 public:
  BoundPool(Builder& builder, std::optional<Index> capacity, bool drop_when_full)
      : layout_(builder.finish()), pool_(layout_, {capacity, drop_when_full}) {}
  BoundPool(const BoundPool& other) : layout_(other.layout_), pool_(copied(other.pool_)) {}

  std::unique_ptr<BoundPool> copy() const { return std::make_unique<BoundPool>(*this); }

  std::optional<Index> capacity() const {
    std::optional<Index> most;
    locked(pool_.lock(), false, [&] { most = pool_.streams().capacity().most; });
    return most;
  }

  void set_capacity(std::optional<Index> most) {
    locked(pool_.lock(), true, [&] { pool_.streams().set_capacity(most); });
  }

  Index size() const {
    Index size = 0;
    locked(pool_.lock(), false, [&] { size = pool_.streams().records().size(); });
    return size;
  }

  bool contains(nb::object one) const {
    const Given id(nb::make_tuple(std::move(one)));
    bool found = false;
    locked(pool_.lock(), false, [&] { found = static_cast<bool>(pool_.streams().records().find(id.ids()[0])); });
    return found;
  }

  void use(Builder& builder) {
    std::shared_ptr<const Program> program = builder.finish();
    if (program->record() != layout_->record()) {
      throw std::invalid_argument("the records of two programs differ");
    }
    locked(pool_.lock(), true, [&] { pool_.use(std::move(program)); });
  }

  void add(nb::object given) {
    const Given ids(std::move(given));
    locked(pool_.lock(), true, [&] { pool_.streams().add(ids.ids()); });
  }
  void drop(nb::object given) {
    const Given ids(std::move(given));
    locked(pool_.lock(), true, [&] { pool_.drop(ids.ids()); });
  }
  void reset(nb::object given) {
    const Given ids(std::move(given));
    locked(pool_.lock(), true, [&] { pool_.reset(ids.ids()); });
  }

  nb::list push(nb::object given, nb::list inputs, nb::object into, bool add) {
    const Given ids(std::move(given));
    Arrays arrays(*layout_, make_, std::move(inputs), ids.count(), std::move(into));
    locked(pool_.lock(), true,
           [&] { pool_.push(ids.ids(), arrays.input_data.data(), arrays.output_data.data(), unknown(add)); });
    return arrays.outputs;
  }

  nb::object read(nb::object given, bool add) {
    const Given ids(std::move(given));
    auto [array, data] = make_({ids.count(), layout_->record()});
    locked(pool_.lock(), true, [&, to = data] { pool_.read(ids.ids(), to, unknown(add)); });
    return array;
  }

  void write(nb::object given, const Floats& states, bool add) {
    const Given ids(std::move(given));
    want_size(static_cast<Index>(states.size()) == ids.count() * layout_->record(), "states");
    locked(pool_.lock(), true, [&] { pool_.write(ids.ids(), states.data(), unknown(add)); });
  }

  nb::object ids() const {
    IdList all;
    locked(pool_.lock(), true, [&] {
      const Records& records = pool_.streams().records();
      all.expect(static_cast<std::size_t>(records.size()), 0);
      for (Index slot = 0; slot < records.used(); ++slot) {
        const auto at = static_cast<std::uint32_t>(slot);
        if (records.live(at)) all.add(records.id(at));
      }
    });
    return shown(all);
  }

  nb::object drop_idle(double seconds) {
    IdList gone;
    locked(pool_.lock(), true, [&] { gone = pool_.streams().drop(pool_.streams().idle(seconds)); });
    return shown(gone);
  }

  nb::object drop_least_recent(Index count) {
    IdList gone;
    locked(pool_.lock(), true, [&] { gone = pool_.streams().drop(pool_.streams().oldest(count)); });
    return shown(gone);
  }

  nb::object broken() {
    IdList found;
    {
      const nb::gil_scoped_release release;
      found = pool_.broken();
    }
    return shown(found);
  }

  std::uint64_t mark() {
    std::uint64_t made = 0;
    locked(pool_.lock(), true, [&] { made = pool_.streams().mark(); });
    return made;
  }

  // To a file, or, without one, to bytes.
  nb::object save(const nb::bytes& header, std::optional<int> file, nb::object given,
                  std::optional<std::uint64_t> since) {
    const std::vector<char> start = bytes_of(header);
    std::optional<Given> ids;
    Ids chosen(static_cast<const Id*>(nullptr), 0);
    if (!given.is_none()) {
      ids.emplace(std::move(given));
      chosen = ids->ids();
    }
    const Streams::Choice choice{ids ? &chosen : nullptr, since};
    std::vector<char> memory;
    Writer writer = file ? Writer(*file) : Writer(memory);
    with_errors([&] { pool_.save(writer, start, choice); });
    return file ? nb::object(nb::none()) : nb::object(nb::bytes(memory.data(), memory.size()));
  }

  void restore(int file, const nb::bytes& header, int version) {
    const std::vector<char> start = bytes_of(header);
    Reader reader(file);
    with_errors([&] { pool_.restore(reader, start, version); });
  }

  nb::object load(const nb::bytes& data, std::size_t header, int version) {
    const auto* at = static_cast<const char*>(data.data());
    const std::vector<char> start(at, at + header);
    Reader reader(at + header, data.size() - header);
    IdList came;
    with_errors([&] { came = pool_.load(reader, start, version); });
    return shown(came);
  }

 private:
  static Pool copied(const Pool& pool) {
    const nb::gil_scoped_release release;
    return pool.copy();
  }

  std::shared_ptr<const Program> layout_;  // the first program, whose sizes all others have
  Pool pool_;
  NewFloats make_;
};

}  // namespace

void bind_pool(nb::module_& module) {
  nb::exception<UnknownStream>(module, "UnknownStreamError", PyExc_ValueError);
  nb::class_<BoundPool>(module, "Pool", "Many streams, each advanced when its turn comes.")
      .def(nb::init<Builder&, std::optional<Index>, bool>(), "program"_a, "capacity"_a.none(),
           "drop_when_full"_a = false)
      .def("copy", &BoundPool::copy)
      .def("capacity", &BoundPool::capacity)
      .def("set_capacity", &BoundPool::set_capacity, "most"_a.none())
      .def("__len__", &BoundPool::size)
      .def("__contains__", &BoundPool::contains, "id"_a)
      .def("use", &BoundPool::use, "program"_a, "Advance by another program from now on, of the same record.")
      .def("add", &BoundPool::add, "ids"_a)
      .def("drop", &BoundPool::drop, "ids"_a)
      .def("reset", &BoundPool::reset, "ids"_a)
      .def("push", &BoundPool::push, "ids"_a, "inputs"_a, "into"_a.none() = nb::none(), "add"_a = false,
           "One step: arrays (n, width) to arrays (n, width).")
      .def("read", &BoundPool::read, "ids"_a, "add"_a = false)
      .def("write", &BoundPool::write, "ids"_a, "states"_a, "add"_a = false)
      .def("ids", &BoundPool::ids, "All ids, as the bytes of int64 or as a list.")
      .def("drop_idle", &BoundPool::drop_idle, "seconds"_a)
      .def("drop_least_recent", &BoundPool::drop_least_recent, "count"_a)
      .def("broken", &BoundPool::broken)
      .def("mark", &BoundPool::mark)
      .def("save", &BoundPool::save, "header"_a, "file"_a.none() = nb::none(), "ids"_a.none() = nb::none(),
           "since"_a.none() = nb::none())
      .def("restore", &BoundPool::restore, "file"_a, "header"_a, "version"_a)
      .def("load", &BoundPool::load, "data"_a, "header"_a, "version"_a);
}

}  // namespace gatewise::stream

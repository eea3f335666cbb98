// Arrays that Python passes, checked, and new ones for it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/index.h"
#include "cells/named.h"

namespace nb = nanobind;

namespace gatewise {

using Array = nb::ndarray<nb::ro, nb::device::cpu>;

template <class T>
constexpr const char* type_name() {
  return sizeof(T) == 4 ? "float32" : "float64";
}

inline Shape shape_of(const Array& array) {
  Shape shape;
  for (std::size_t i = 0; i < array.ndim(); ++i) shape.push_back(static_cast<Index>(array.shape(i)));
  return shape;
}

[[noreturn]] inline void refuse(const std::string& what, const Array& array, const std::string& wanted) {
  throw std::invalid_argument(what + " has shape " + shape_text(shape_of(array)) + "; wanted " + wanted);
}

template <class T>
void want_type(const char* what, const Array& array) {
  if (array.dtype() != nb::dtype<T>()) {
    throw nb::type_error((std::string(what) + " is not of type " + type_name<T>() + ", as the kernel is").c_str());
  }
}

template <class T>
const T* elements(const Array& array) {
  return static_cast<const T*>(array.data());
}

// A copy in row-major order, whatever the strides, of an array of one or two axes.
template <class T>
std::vector<T> row_major(const Array& array) {
  const std::size_t rows = array.ndim() == 2 ? array.shape(0) : 1;
  const std::size_t columns = array.ndim() == 0 ? 1 : array.shape(array.ndim() - 1);
  const Index down = array.ndim() == 2 ? array.stride(0) : 0;
  const Index along = array.ndim() == 0 ? 0 : array.stride(array.ndim() - 1);
  std::vector<T> copy;
  copy.reserve(rows * columns);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      copy.push_back(elements<T>(array)[static_cast<Index>(r) * down + static_cast<Index>(c) * along]);
    }
  }
  return copy;
}

// New arrays are made by numpy.empty: cheaper than a capsule that owns memory, and they are NumPy's like any other.
class Empty {
 public:
  Empty() : function_(nb::module_::import_("numpy").attr("empty")) {}

  template <class T, std::size_t N>
  std::pair<nb::object, T*> make(const std::array<Index, N>& shape, nb::handle dtype) const {
    nb::object sizes = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(N)));
    for (std::size_t i = 0; i < N; ++i) {
      PyTuple_SetItem(sizes.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromSsize_t(shape[i]));
    }
    return make<T>(nb::handle(sizes), dtype);
  }

  // The shape is a tuple.
  template <class T>
  std::pair<nb::object, T*> make(nb::handle shape, nb::handle dtype) const {
    PyObject* arguments[] = {shape.ptr(), dtype.ptr()};
    nb::object array = nb::steal(PyObject_Vectorcall(function_.ptr(), arguments, 2, nullptr));
    if (!array.is_valid()) nb::raise_python_error();
    Py_buffer view;
    if (PyObject_GetBuffer(array.ptr(), &view, PyBUF_SIMPLE | PyBUF_WRITABLE) != 0) nb::raise_python_error();
    auto* data = static_cast<T*>(view.buf);
    PyBuffer_Release(&view);
    return {std::move(array), data};
  }

  nb::object dtype(const char* name) const { return nb::module_::import_("numpy").attr("dtype")(name); }

 private:
  nb::object function_;
};

}  // namespace gatewise

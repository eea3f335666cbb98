// Compiled once for each instruction set; GATEWISE_ISA names it and its namespace.
#include "recurrence/backward_driver.h"
#include "recurrence/dispatch.h"
#include "recurrence/plain.h"
#include "recurrence/products.h"

namespace gatewise::GATEWISE_ISA {
namespace {

template <class T>
struct Plain {
  template <class C>
  using Operands = PlainOperands<T, C>;
};

template <class T>
Index run(const Part<T>& part) {
  return run_part<T, Plain<T>::template Operands>(part);
}

}  // namespace

#define GATEWISE_STRING_(x) #x
#define GATEWISE_STRING(x) GATEWISE_STRING_(x)

extern const RowKernels kRowKernels;  // kernels/rows.cpp

extern const Kernels kKernels;
const Kernels kKernels = {GATEWISE_STRING(GATEWISE_ISA),
                          kWidth<float>,
                          kWidth<double>,
                          &run<float>,
                          &run<double>,
                          nullptr,
                          &kRowKernels,
                          &run_backward<float>,
                          &run_backward<double>,
                          &multiply_panels<float>,
                          &multiply_panels<double>,
                          &pack_panels<float>,
                          &pack_panels<double>,
                          &turn_rows<float>,
                          &turn_rows<double>};

}  // namespace gatewise::GATEWISE_ISA

// The part of XLA's foreign function interface that a handler on a CPU needs, version 0.1: its layout in memory, as
// XLA's public documentation and headers describe it (openxla/xla, xla/ffi/api/c_api.h). The oldest version that is
// still taken is spoken, because a handler built for a newer one than the user's jaxlib keeps its whole CPU backend
// from starting.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatewise::xla {

struct Extension {
  std::size_t struct_size;
  std::int32_t type;
  Extension* next;
};

struct Version {
  std::size_t struct_size;
  Extension* extensions;
  int major;
  int minor;
};

// What XLA asks a handler before it takes it.
struct Metadata {
  std::size_t struct_size;
  Version version;
  std::uint32_t traits;
};

struct MetadataExtension {
  Extension base;
  Metadata* metadata;
};

struct Error;

struct ErrorArguments {
  std::size_t struct_size;
  Extension* extensions;
  const char* message;
  std::int32_t code;
};

struct Api {
  std::size_t struct_size;
  Extension* extensions;
  Version version;
  const void* internal;
  Error* (*make_error)(ErrorArguments*);
};

struct Buffer {
  std::size_t struct_size;
  Extension* extensions;
  std::int32_t dtype;
  void* data;
  std::int64_t rank;
  std::int64_t* dims;
};

// Of arguments and of results alike: `types` says what each is, and `all` where.
struct Buffers {
  std::size_t struct_size;
  Extension* extensions;
  std::int64_t size;
  std::int32_t* types;
  void** all;
};

struct Text {
  const char* at;
  std::size_t size;
};

struct Scalar {
  std::int32_t dtype;
  void* value;
};

struct Attributes {
  std::size_t struct_size;
  Extension* extensions;
  std::int64_t size;
  std::int32_t* types;
  Text** names;
  void** all;
};

struct CallFrame {
  std::size_t struct_size;
  Extension* extensions;
  const Api* api;
  void* context;
  std::int32_t stage;
  Buffers arguments;
  Buffers results;
  Attributes attributes;
};

inline constexpr int kMajor = 0;
inline constexpr int kMinor = 1;
inline constexpr std::int32_t kMetadata = 1;         // a type of extension
inline constexpr std::int32_t kExecute = 3;          // a stage
inline constexpr std::int32_t kScalarAttribute = 3;  // a type of attribute
inline constexpr std::int32_t kInvalidArgument = 3;  // codes of errors
inline constexpr std::int32_t kInternal = 13;
inline constexpr std::int32_t kInt64 = 5;  // dtypes
inline constexpr std::int32_t kFloat32 = 11;
inline constexpr std::int32_t kFloat64 = 12;

static_assert(sizeof(void*) == 8, "XLA runs on 64-bit machines");
static_assert(sizeof(Extension) == 24 && offsetof(Extension, next) == 16);
static_assert(sizeof(Version) == 24 && offsetof(Version, minor) == 20);
static_assert(offsetof(Metadata, version) == 8 && offsetof(Metadata, traits) == 32);
static_assert(offsetof(MetadataExtension, metadata) == 24);
static_assert(offsetof(ErrorArguments, message) == 16 && offsetof(ErrorArguments, code) == 24);
static_assert(offsetof(Api, internal) == 40 && offsetof(Api, make_error) == 48);
static_assert(sizeof(Buffer) == 48 && offsetof(Buffer, data) == 24 && offsetof(Buffer, dims) == 40);
static_assert(sizeof(Buffers) == 40 && offsetof(Buffers, all) == 32);
static_assert(sizeof(Scalar) == 16 && offsetof(Scalar, value) == 8);
static_assert(sizeof(Attributes) == 48 && offsetof(Attributes, all) == 40);
static_assert(offsetof(CallFrame, stage) == 32 && offsetof(CallFrame, arguments) == 40);
static_assert(offsetof(CallFrame, results) == 80 && offsetof(CallFrame, attributes) == 120);

}  // namespace gatewise::xla

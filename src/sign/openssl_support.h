// What the files of this room that adapt OpenSSL share: owning handles and its error queue. Types
// of OpenSSL are only named here; its headers stay in the .cpp files.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

struct evp_pkey_st;
struct x509_st;

namespace imgforge::sign {

/// Frees by the function that OpenSSL has for it: Handle<BIO, BIO_free_all>.
template <class T, auto Free>
struct FreeWith {
  void operator()(T* object) const { Free(object); }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<T, Free>>;

using PkeyHandle = std::shared_ptr<evp_pkey_st>;
using X509Handle = std::shared_ptr<x509_st>;
/// Take ownership; null stays null.
PkeyHandle own(evp_pkey_st* key);
X509Handle own(x509_st* certificate);

/// The oldest reason in this thread's error queue ("unsupported", "bad decrypt"), which is emptied.
std::string openssl_reason();
/// `message` with that reason behind it.
Error openssl_error(Errc code, std::string message);

}  // namespace imgforge::sign

// Reading a layout's blobs and documents with their digests checked, whoever owns the layout.
// Private to the room.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"
#include "content/document.h"
#include "oci/image.h"

namespace imgforge::store {

/// index.json of the layout. not_found when the folder is none.
Result<oci::Index> read_layout_index(const std::string& directory);

/// The entry of that name (empty: the only one), or not_found or usage with what there is.
Result<oci::Descriptor> pick_image(const oci::Index& index, const std::string& name,
                                   const std::string& where);

/// A document by digest; its media type by what it says itself.
Result<content::Document> read_document(const std::string& directory, const oci::Digest& digest);

/// Fails with mismatch when the file has another size.
Result<std::unique_ptr<base::RandomAccess>> open_layout_blob(const std::string& directory,
                                                             const oci::Descriptor& blob);

Result<> copy_layout_blob(const std::string& directory, const oci::Descriptor& blob,
                          base::Sink& sink, base::ProgressTask& task, std::stop_token stop);

/// The entries of index.json whose document has that subject.
Result<std::vector<oci::Descriptor>> entries_with_subject(const std::string& directory,
                                                          const oci::Index& index,
                                                          const oci::Digest& subject);

}  // namespace imgforge::store

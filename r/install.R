# Installs the source packages of a lock file into a library: Rscript install.R LOCK LIBRARY [REPOSITORY]
# Without REPOSITORY it is R's own first mirror. A checksum that differs ends the build; a missing one is printed.

arguments <- commandArgs(trailingOnly = TRUE)
library_folder <- arguments[[2]]
if (length(arguments) > 2 && nzchar(arguments[[3]])) {
  repository <- arguments[[3]]
} else {
  chooseCRANmirror(ind = 1, local.only = TRUE)
  repository <- getOption("repos")[["CRAN"]]
}
dir.create(library_folder, recursive = TRUE, showWarnings = FALSE)
.libPaths(c(library_folder, .libPaths()))

# A version that is not the newest has moved to the archive.
fetch <- function(package, version) {
  archive <- sprintf("%s_%s.tar.gz", package, version)
  file <- file.path(tempdir(), archive)
  contrib <- file.path(repository, "src", "contrib")
  for (address in c(file.path(contrib, archive), file.path(contrib, "Archive", package, archive))) {
    fetched <- tryCatch(suppressWarnings(download.file(address, file, mode = "wb", quiet = TRUE)), error = function(e) 1)
    if (fetched == 0) return(file)
  }
  stop(archive, " is not in the repository")
}

verify <- function(file, wanted) {
  found <- sub(" .*", "", system2("sha256sum", shQuote(file), stdout = TRUE))
  if (wanted == "-") cat("no checksum recorded:", basename(file), found, "\n")
  else if (found != wanted) stop(basename(file), " has the checksum ", found, ", the lock file says ", wanted)
}

# lares 5.3.1 imports case_match, which Debian 12's dplyr lacks and nothing in lares uses; the recorded reference
# numbers were made without that line as well.
unpacked <- function(package, file) {
  if (package != "lares") return(file)
  untar(file, exdir = tempdir())
  folder <- file.path(tempdir(), package)
  namespace <- readLines(file.path(folder, "NAMESPACE"))
  writeLines(grep("case_match", namespace, value = TRUE, invert = TRUE, fixed = TRUE), file.path(folder, "NAMESPACE"))
  folder
}

lock <- read.table(arguments[[1]], col.names = c("package", "version", "sha256"), colClasses = "character")
for (row in seq_len(nrow(lock))) {
  package <- lock$package[row]
  file <- fetch(package, lock$version[row])
  verify(file, lock$sha256[row])
  install.packages(unpacked(package, file), lib = library_folder, repos = NULL, type = "source", quiet = TRUE)
  installed <- packageVersion(package, lib.loc = library_folder)
  stopifnot(installed == package_version(lock$version[row]))
  cat(package, as.character(installed), "\n")
}

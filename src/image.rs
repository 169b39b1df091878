//! Builds and pushes the image.

"""The bucket: keys, objects, tables made of objects, and the local disk beside it."""

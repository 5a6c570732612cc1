"""Keys of the installation's own, one for each purpose: kept in the catalog, wrapped under the KEK of a region."""

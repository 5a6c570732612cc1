"""A fresh code for one act that destroys: asked for, confirmed, approved where needed, and spent with the change."""

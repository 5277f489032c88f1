export * from './catalog/catalog.ts'
export { openMemoryCatalog } from './catalog/memory-catalog.ts'
export { openSqliteCatalog, type SqliteCatalogOptions } from './catalog/sqlite-catalog.ts'
export * from './engine.ts'

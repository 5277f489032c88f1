export * from './catalog/catalog.ts'
export * from './engine.ts'

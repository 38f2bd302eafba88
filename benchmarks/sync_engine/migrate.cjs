// stripe-sync-engine's tables, in the database that is there already. Only its CommonJS build finds its migrations.
const { runMigrations } = require('@supabase/stripe-sync-engine')

const logger = { info() {}, error: console.error }
runMigrations({ databaseUrl: process.env.DATABASE, schema: 'stripe', logger })

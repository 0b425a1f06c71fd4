// A small runtime for declarative Jenkinsfiles: it runs the real file, and records what it does.
//
// Arguments: the Jenkinsfile, and a JSON list of builds: {branch, timer, params, fails, files}. It prints a
// JSON list: what each build did, in order. Every closure sees the directives of its own place
// alone, so that one that Jenkins wouldn't take there ends the run with an error.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration

class Failed extends RuntimeException { Failed(String text) { super(text) } }

class Build {
  String branch; boolean timer; String fails; List files = []
  Map params = [:]; Map env = [:]; List locks = []; List bound = []; List events = []
  String result = 'SUCCESS'; String stage = ''
  void record(String what, Map more = [:]) { events << ([what: what, stage: stage] + more) }
}

abstract class Directives {
  Build build
  def call(Closure body, Directives to = this) {
    body.delegate = to
    body.resolveStrategy = Closure.DELEGATE_ONLY
    body.call()
  }
  def propertyMissing(String name) {
    if (name == 'params') return build.params
    if (name == 'env') return build.env
    if (build.env.containsKey(name)) return build.env[name]
    throw new MissingPropertyException(name, getClass())
  }
}

class Ignored extends Directives {
  Set allowed
  def methodMissing(String name, args) {
    if (!(name in allowed)) throw new MissingMethodException(name, getClass(), args as Object[])
    build.record('directive', [name: name])
    name
  }
}

class Parameters extends Directives {
  void booleanParam(Map words) { add(words) }
  void string(Map words) { add(words) }
  void add(Map words) {
    def value = build.params.containsKey(words.name) ? build.params[words.name] : words.defaultValue
    build.params[words.name] = value
    build.env[words.name] = value.toString()
  }
}

class EnvironmentBlock extends Directives {
  void setProperty(String name, value) {
    if (name == 'build') metaClass.setProperty(this, name, value) else build.env[name] = value.toString()
  }
}

class When extends Directives {
  List conditions = []; boolean beforeOptions = false
  void beforeOptions(boolean value) { beforeOptions = value }
  void branch(String name) { conditions << (build.branch == name) }
  void triggeredBy(String cause) {
    if (cause != 'TimerTrigger') throw new IllegalArgumentException(cause)
    conditions << build.timer
  }
  void expression(Closure body) { conditions << (call(body, new When(build: build)) as boolean) }
  boolean fileExists(String path) { path in build.files }
  void not(Closure body) { conditions << !inner(body).every() }
  void anyOf(Closure body) { conditions << inner(body).any() }
  void allOf(Closure body) { conditions << inner(body).every() }
  List inner(Closure body) { def one = new When(build: build); call(body, one); one.conditions }
}

class StageOptions extends Directives {
  void lock(Map words) { build.locks << words.resource; build.record('lock', [resource: words.resource]) }
  void timeout(Map words) { build.record('timeout', words) }
}

class Steps extends Directives {
  Map string(Map words) { [id: words.credentialsId, names: [words.variable]] }
  Map gitUsernamePassword(Map words) { [id: words.credentialsId, names: ['GIT_ASKPASS']] }
  void withCredentials(List bindings, Closure body) {
    def before = new HashMap(build.env)
    def bound = bindings.collectMany { it.names }
    bindings.each { one -> one.names.each { build.env[it] = "SECRET-${it}".toString() } }
    build.bound.addAll(bound)
    try { call(body) } finally {
      build.env = before
      bound.each { build.bound.remove(it) }
    }
  }
  void sh(script) {
    build.record('sh', [script: script.toString(), locks: build.locks.clone(), bound: build.bound.clone()])
    if (build.fails && script.toString().contains(build.fails)) throw new Failed('exit code 1')
  }
  void echo(text) { build.record('echo', [text: text.toString()]) }
  void input(Map words) {
    build.record('input', [message: words.message, locks: build.locks.clone()])
    if (build.fails == 'input') throw new Failed('rejected')
  }
  void junit(Map words) { build.record('junit', words) }
  void publishHTML(Map words) { build.record('publishHTML', words.target) }
  void archiveArtifacts(Map words) { build.record('archiveArtifacts', words) }
  void deleteDir() { build.record('deleteDir') }
}

class Stage extends Directives {
  Closure conditions, choices, work
  void when(Closure body) { conditions = body }
  void options(Closure body) { choices = body }
  void steps(Closure body) { work = body }
  // By default, Jenkins enters the options of a stage before it looks at its conditions.
  void perform() {
    def asked = new When(build: build)
    if (conditions) call(conditions, asked)
    boolean runs = asked.conditions.every()
    if (choices && (runs || !asked.beforeOptions)) call(choices, new StageOptions(build: build))
    if (runs) {
      build.record('stage')
      call(work, new Steps(build: build))
    } else build.record('skipped')
  }
}

class Stages extends Directives {
  void stage(String name, Closure body) {
    build.stage = name
    def one = new Stage(build: build)
    call(body, one)
    if (build.result != 'SUCCESS') { build.record('not reached'); return }
    try { one.perform() } catch (Failed failure) {
      build.result = 'FAILURE'
      build.record('failed')
    } finally { build.locks.clear() }
  }
}

class Post extends Directives {
  Map bodies = [:]
  void always(Closure body) { bodies.always = body }
  void success(Closure body) { bodies.success = body }
  void failure(Closure body) { bodies.failure = body }
  void cleanup(Closure body) { bodies.cleanup = body }
  void perform() {
    for (name in ['always', build.result.toLowerCase(), 'cleanup']) {
      build.stage = "post ${name}".toString()
      if (bodies[name]) call(bodies[name], new Steps(build: build))
    }
  }
}

class Pipeline extends Directives {
  static final Set OPTIONS = ['disableConcurrentBuilds', 'buildDiscarder', 'logRotator', 'timeout', 'timestamps']
  Closure work; Post last
  void agent(Closure body) { call(body, new Ignored(build: build, allowed: ['label'] as Set)) }
  void options(Closure body) { call(body, new Ignored(build: build, allowed: OPTIONS)) }
  void triggers(Closure body) { call(body, new Ignored(build: build, allowed: ['cron'] as Set)) }
  void parameters(Closure body) { call(body, new Parameters(build: build)) }
  void environment(Closure body) { call(body, new EnvironmentBlock(build: build)) }
  void stages(Closure body) { work = body }
  void post(Closure body) { last = new Post(build: build); call(body, last) }
  void perform() {
    call(work, new Stages(build: build))
    last.perform()
  }
}

abstract class Jenkinsfile extends Script {
  void pipeline(Closure body) {
    def one = new Pipeline(build: binding.getVariable('build'))
    one.call(body)
    one.perform()
  }
}

def settings = new CompilerConfiguration(scriptBaseClass: Jenkinsfile.name)
def file = new File(args[0]).text
def builds = new JsonSlurper().parseText(args[1]).collect { asked ->
  def build = new Build(branch: asked.branch, timer: asked.timer, fails: asked.fails, files: asked.files, params: asked.params)
  build.env = [WORKSPACE: '/workspace', PATH: '/usr/bin', BRANCH_NAME: asked.branch]
  new GroovyShell(this.class.classLoader, new Binding([build: build]), settings).evaluate(file)
  [result: build.result, events: build.events, env: build.env]
}
println JsonOutput.toJson(builds)
